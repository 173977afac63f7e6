/* Runs lowered programs: one evaluator for all of them, so that a program is ready as soon as it is lowered.

   A program is a tape of numbers: for each instruction what it does, how often, where its results go, and where its
   operands lie. W rows are computed side by side, each place holding a number for each of them; W is 1, or as many times
   8 as fit into the cache. What neurons of a layer have in common is one instruction, so that a number that was loaded
   is used several times. There are no headers, so that no name has a meaning that is not seen here.

   Each instruction rounds as the engine does. Only the sums of LAYER and OUTER, where there is more than one row, are
   contracted to fused multiply-adds, which round once where the engine rounds twice. */

typedef double vec __attribute__((vector_size(64), may_alias));
typedef double anywhere __attribute__((vector_size(64), may_alias, aligned(8)));
typedef double four __attribute__((vector_size(32), may_alias, aligned(8)));
typedef long indices __attribute__((vector_size(64)));
#define INLINE static inline __attribute__((always_inline))
#define APART static __attribute__((noinline))
#define CACHE (1 << 20) /* how many bytes the numbers of a block of rows may take */
#define UNROLL _Pragma("GCC unroll 8")
#define AT(i) (V + c[i] * W)
#ifdef __clang__
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, (indices){__VA_ARGS__})
#endif

void *aligned_alloc(unsigned long, unsigned long);
void free(void *);

typedef struct {
    const int *code, *end;      /* the instructions */
    const int *watched;         /* places whose being infinite or NaN might not show in the results */
    const int *copied;          /* parameters that take places, for what is not a weighted sum */
    const double *constants;    /* what the first places hold; after them the copied parameters and the inputs */
    const int *outputs;         /* places */
    long watching, copying, constant, inputs, parameters, gradients, places, results, scratch;
} Tape;

%(simd)s double exp(double), log(double), log1p(double), sin(double), cos(double), tanh(double);
%(functions)s

enum { SUM = -1, DOT = -2, LAYER = -3, OUTER = -4 }; /* the other instructions are rows of ops.py */

INLINE vec multiply_add(vec a, vec b, vec c) {
#ifdef __FP_FAST_FMA
    for (int k = 0; k < 8; k++) c[k] = __builtin_fma(a[k], b[k], c[k]);
    return c;
#else
    return a * b + c;
#endif
}

/* Return the sum of each of eight vectors. */
INLINE vec sums(const vec *x) {
    vec two[4], quads[2];
    for (int k = 0; k < 4; k++)
        two[k] = PICK(x[2 * k], x[2 * k + 1], 0, 8, 2, 10, 4, 12, 6, 14)
               + PICK(x[2 * k], x[2 * k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    for (int k = 0; k < 2; k++)
        quads[k] = PICK(two[2 * k], two[2 * k + 1], 0, 1, 8, 9, 4, 5, 12, 13)
                + PICK(two[2 * k], two[2 * k + 1], 2, 3, 10, 11, 6, 7, 14, 15);
    return PICK(quads[0], quads[1], 0, 1, 2, 3, 8, 9, 10, 11) + PICK(quads[0], quads[1], 4, 5, 6, 7, 12, 13, 14, 15);
}

/* Make one of the zeros NaN if one of n numbers is infinite or NaN. */
INLINE void check(const double *x, long n, vec zeros[4]) {
    for (; n >= 32; n -= 32, x += 32) UNROLL for (int k = 0; k < 4; k++) zeros[k] += ((anywhere *)x)[k] - ((anywhere *)x)[k];
    for (; n >= 8; n -= 8, x += 8) zeros[0] += *(anywhere *)x - *(anywhere *)x;
    for (; n; n--, x++) zeros[0] += *x - *x;
}

/* The weighted sums of J neurons, or as many as there are, for 8 * K rows. They start from parameters, or from ~places;
   the weights are parameters, or places. */
INLINE void neurons(const int J, const int K, const int are_places, long W, int m, int n, const int *starts,
                    const int *inputs, const int *weights, const double *P, const double *V, double *out) {
    vec sum[8][4];
    const int *of[8];
    UNROLL for (int j = 0; j < J; j++) {
        const int neuron = j < m ? j : m - 1; /* the last one is computed again */
        of[j] = weights + (long)neuron * n;
        const int start = starts[neuron];
        if (start < 0) UNROLL for (int k = 0; k < K; k++) sum[j][k] = ((vec *)(V + ~start * W))[k];
        else UNROLL for (int k = 0; k < K; k++) sum[j][k] = P[start] - (vec){0};
    }
    for (int i = 0; i < n; i++) {
        const vec *x = (vec *)(V + inputs[i] * W);
        UNROLL for (int j = 0; j < J; j++) {
            if (are_places) {
                const vec *w = (vec *)(V + of[j][i] * W);
                UNROLL for (int k = 0; k < K; k++) sum[j][k] += w[k] * x[k];
            } else {
                const vec w = P[of[j][i]] - (vec){0};
                UNROLL for (int k = 0; k < K; k++) sum[j][k] = multiply_add(w, x[k], sum[j][k]);
            }
        }
    }
    UNROLL for (int j = 0; j < J; j++)
        UNROLL for (int k = 0; k < K; k++) ((vec *)(out + (j < m ? j : m - 1) * W))[k] = sum[j][k];
}

/* Carry out DOT and LAYER: the first out, m, n, then m starts, n inputs, and m * n weights. */
INLINE void weighted_sums(const int are_places, const int *c, long W, const double *P, double *V) {
    const int m = c[2], n = c[3], *starts = c + 4, *inputs = starts + m, *weights = inputs + n;
    double *out = AT(1);
    if (W == 1) {
        for (int j = 0; j < m; j += 4) { /* four at once, so that none waits for its own last addition */
            const double *w = are_places ? V : P;
            double sum[4];
            const int *of[4];
            UNROLL for (int k = 0; k < 4; k++) {
                const int neuron = j + k < m ? j + k : m - 1, start = starts[neuron];
                of[k] = weights + (long)neuron * n;
                sum[k] = start < 0 ? V[~start] : P[start];
            }
            for (int i = 0; i < n; i++) {
                const double x = V[inputs[i]];
                UNROLL for (int k = 0; k < 4; k++) sum[k] += w[of[k][i]] * x;
            }
            for (int k = 0; k < 4 && j + k < m; k++) out[j + k] = sum[k];
        }
        return;
    }
#define IN_TILES(J, K)                                                                                       \
    for (int j = 0; j < m; j += J)                                                                           \
        neurons(J, K, are_places, W, m - j, n, starts + j, inputs, weights + (long)j * n, P, V + v, out + j * W + v)
    long v = 0;
    for (; v + 32 <= W; v += 32)
        if (are_places || m == 1) IN_TILES(1, 4);
        else IN_TILES(4, 4);
    for (; v + 16 <= W; v += 16)
        if (are_places || m == 1) IN_TILES(1, 2);
        else IN_TILES(8, 2);
    for (; v < W; v += 8)
        if (are_places || m == 1) IN_TILES(1, 1);
        else IN_TILES(8, 1);
}

APART void dot(const int *c, long W, const double *P, double *V) { weighted_sums(1, c, W, P, V); }
APART void layer(const int *c, long W, const double *P, double *V) { weighted_sums(0, c, W, P, V); }

/* Add the products of J upstream gradients and 8 / J * 2 local derivatives, summed over rows, to their gradients. */
INLINE void products(const int J, const int I, long W, int m, int n, int width, const int *upstream, const int *local,
                     const int *to, const double *V, double *G) {
    vec sum[16];
    const vec *u[8], *x[16];
    UNROLL for (int j = 0; j < J; j++) u[j] = (vec *)(V + upstream[j < m ? j : m - 1] * W);
    UNROLL for (int i = 0; i < I; i++) x[i] = (vec *)(V + local[i < n ? i : n - 1] * W);
    UNROLL for (int t = 0; t < J * I; t++) sum[t] = (vec){0};
    for (long k = 0; k < W / 8; k++)
        UNROLL for (int j = 0; j < J; j++)
            UNROLL for (int i = 0; i < I; i++) sum[j * I + i] = multiply_add(u[j][k], x[i][k], sum[j * I + i]);
    vec total[2] = {sums(sum), J * I > 8 ? sums(sum + 8) : (vec){0}};
    for (int j = 0; j < (J < m ? J : m); j++) {
        const int *at = to + j * width;
        if (I == 4 && n >= 4 && at[1] == at[0] + 1 && at[2] == at[0] + 2 && at[3] == at[0] + 3)
            *(four *)(G + at[0]) += ((four *)total)[j];
        else
            for (int i = 0; i < (I < n ? I : n); i++) G[at[i]] += ((double *)total)[j * I + i];
    }
}

/* Carry out OUTER: m, n, then m upstream gradients, n local derivatives, and m * n parameters. */
APART void outer(const int *c, long W, long rows, double *V, double *G) {
    const int m = c[1], n = c[2], *upstream = c + 3, *local = upstream + m, *to = local + n;
    if (W == 1) {
        for (int j = 0; j < m; j++, to += n)
            for (int i = 0; i < n; i++) G[to[i]] += V[upstream[j]] * V[local[i]];
        return;
    }
    for (int j = 0; j < m; j++) for (long k = rows; k < W; k++) V[upstream[j] * W + k] = 0; /* not wanted */
    if (m == 1)
        for (int i = 0; i < n; i += 8) products(1, 8, W, 1, n - i, n, upstream, local + i, to + i, V, G);
    else
        for (int i = 0; i < n; i += 4)
            for (int j = 0; j < m; j += 4)
                products(4, 4, W, m - j, n - i, n, upstream + j, local + i, to + (long)j * n + i, V, G);
}

/* Compute W rows, of which the first `rows` are wanted. */
static void pass(long W, long rows, const Tape *t, const double *P, double *V, double *G, vec *zeros) {
    for (const int *c = t->code; c < t->end;) {
        switch (c[0]) {
        case SUM: { /* out, n, then n operands */
            double *restrict out = AT(1);
            for (long k = 0; k < W; k++) out[k] = AT(3)[k];
            for (int i = 1; i < c[2]; i++) {
                const double *x = AT(3 + i);
                for (long k = 0; k < W; k++) out[k] += x[k];
            }
            c += 3 + c[2];
            break;
        }
        case DOT: dot(c, W, P, V); c += 4 + c[2] + c[3] + (long)c[2] * c[3]; break;
        case LAYER: layer(c, W, P, V); c += 4 + c[2] + c[3] + (long)c[2] * c[3]; break;
        case OUTER: outer(c, W, rows, V, G); c += 3 + c[1] + c[2] + (long)c[1] * c[2]; break;
%(cases)s
        default: __builtin_unreachable();
        }
    }
    for (const int *c = t->watched; c < t->watched + t->watching; c++) check(AT(0), W, zeros);
}

/* Compute the outputs of n rows of X, and the sum over rows of the gradient with respect to the parameters P.
   Each row has `width` numbers, the inputs first; `order` says which rows, where it is not all of them in turn.
   Return 0; 1 if any number was infinite or not a number; 2 if memory is short. */
int evaluate(const Tape *t, long n, const double *X, long width, const int *order, const double *P, double *outputs,
             double *gradient) {
    long most = CACHE / (8 * t->places) / 32 * 32;
    most = most > 128 ? 128 : most ? most : 8;
    if (n < most) most = n == 1 ? 1 : (n + 7) / 8 * 8;
    double *V = aligned_alloc(64, (8 * (t->places * most + t->scratch) + 127) / 64 * 64);
    if (!V) return 2;
    vec zeros[4] = {0};
    check(P, t->parameters, zeros);
    for (long j = 0; j < t->gradients; j++) gradient[j] = 0;
    for (long r = 0, W, before = 0; r < n; r += W, before = W) {
        W = n - r >= most ? most : (n - r + 7) / 8 * 8;
        const long rows = n - r < W ? n - r : W;
        double *v = V;
        if (W != before) {
            for (long j = 0; j < t->constant; j++) for (long k = 0; k < W; k++) *v++ = t->constants[j];
            for (long j = 0; j < t->copying; j++) for (long k = 0; k < W; k++) *v++ = P[t->copied[j]];
        }
        v = V + (t->constant + t->copying) * W;
        for (long k = 0; k < W; k += 8) { /* the last row fills up what is left of a vector */
            const double *x[8];
            for (long i = 0; i < 8; i++) {
                const long row = r + (k + i < rows ? k + i : rows - 1);
                x[i] = X + (order ? order[row] : row) * width;
            }
            if (W == 1) for (long j = 0; j < t->inputs; j++) v[j] = x[0][j];
            else for (long j = 0; j < t->inputs; j++) for (int i = 0; i < 8; i++) v[j * W + k + i] = x[i][j];
        }
        pass(W, rows, t, P, V, gradient, zeros);
        for (long k = 0; k < rows; k++) {
            for (long j = 0; j < t->results; j++, outputs++) {
                *outputs = V[t->outputs[j] * W + k];
                zeros[0] += *outputs - *outputs;
            }
        }
    }
    check(gradient, t->gradients, zeros);
    free(V);
    zeros[0] += zeros[1] + zeros[2] + zeros[3];
    double bad = 0;
    for (int k = 0; k < 8; k++) bad += zeros[0][k];
    return bad != 0;
}

/* -------------------- training -------------------- */

typedef struct {
    const Tape *const *tapes;    /* one for each shape that the graph of a sample's loss has; outputs: loss and scores */
    const char *reached;         /* for each of them, which parameters are in its graph */
    const int *kinds;            /* which of them each sample takes */
    const double *X, *targets;
    double *P, *first, *second;  /* the parameters, and what the optimiser remembers of each: velocity, or Adam's m, v */
    int *times;                  /* and t */
    unsigned *random;            /* the state of Python's generator: 624 words, and the place of the next one */
    int *order, *chosen;
    char *there;                 /* which parameters a batch reaches */
    double *room;                /* for outputs, and seven numbers for each parameter */
    struct { double lr, decay, a, b, eps, threshold, loss; } *settings;
    long kinds_of_tapes, width, samples, batch, parameters, adam, right;
} Training;

/* The Mersenne Twister, MT19937 by M. Matsumoto and T. Nishimura (1998), as Python's module random runs it. */
static unsigned draw(unsigned *s) {
    if (s[624] >= 624) {
        for (int i = 0; i < 624; i++) {
            const unsigned y = (s[i] & 0x80000000u) | (s[i < 623 ? i + 1 : 0] & 0x7fffffffu);
            s[i] = s[i < 227 ? i + 397 : i - 227] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
        }
        s[624] = 0;
    }
    unsigned y = s[s[624]++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* random.shuffle */
static void shuffle(int *order, long n, unsigned *random) {
    for (unsigned i = n - 1; i > 0;) { /* no branch depends on what was drawn, for nothing could predict it */
        const unsigned drawn = draw(random) >> __builtin_clz(i + 1), fits = drawn <= i, j = fits ? drawn : i;
        const int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
        i -= fits;
    }
}

static int is_right(const Training *t, const double *scores, long n, double target) {
    long largest = 0;
    if (n == 1) return (scores[0] > t->settings->threshold) == (target > t->settings->threshold);
    for (long j = 1; j < n; j++) if (scores[j] > scores[largest]) largest = j;
    return largest == target;
}

/* Change every parameter that was reached once, as optim.py does; return 0, or 1 and change none if one overflows. */
static int update(Training *t, const double *gradient, const char *reached, double *fresh) {
    const long n = t->parameters;
    const double lr = t->settings->lr, decay = t->settings->decay, a = t->settings->a, b = t->settings->b;
    const double eps = t->settings->eps;
    double *x = fresh, *first = x + n, *second = first + n, *one = second + n, *two = one + n;
    double *P = t->P, *m = t->first, *v = t->second;
    int bad = 0;
    for (long j = 0; t->adam && j < n; j++) {
        const int again = j && t->times[j] == t->times[j - 1];
        one[j] = again ? one[j - 1] : 1 - pow(a, t->times[j] + 1);
        two[j] = again ? two[j - 1] : 1 - pow(b, t->times[j] + 1);
    }
    if (t->adam) {
        _Pragma("GCC ivdep") for (long j = 0; j < n; j++) {
            const double g = gradient[j] + decay * P[j];
            first[j] = a * m[j] + (1 - a) * g;
            second[j] = b * v[j] + (1 - b) * g * g;
            x[j] = P[j] - lr * (first[j] / one[j] / (sqrt(second[j] / two[j]) + eps));
        }
    } else {
        _Pragma("GCC ivdep") for (long j = 0; j < n; j++) {
            first[j] = gradient[j] + decay * P[j] + a * m[j];
            x[j] = P[j] - lr * first[j];
        }
    }
    /* What was not reached is computed too, and not kept: without branches there are vectors. */
    for (long j = 0; j < n; j++) bad |= reached[j] & (x[j] - x[j] != 0);
    if (bad) return 1;
    for (long j = 0; j < n; j++) P[j] = reached[j] ? x[j] : P[j];
    for (long j = 0; j < n; j++) m[j] = reached[j] ? first[j] : m[j];
    for (long j = 0; j < n; j++) v[j] = reached[j] ? second[j] : v[j];
    for (long j = 0; j < n; j++) t->times[j] += reached[j];
    return 0;
}

/* Take the steps from one batch of an epoch to before another; return the first that was not taken. */
long train(Training *t, long from, long to) {
    const long n = t->parameters, results = t->tapes[0]->results;
    double *gradient = t->room, *total = gradient + n, *fresh = total + n, *outputs = fresh + 5 * n;
    char *reached = t->there;
    if (from == 0) {
        shuffle(t->order, t->samples, t->random);
        t->settings->loss = t->right = 0;
    }
    for (; from < to; from++) {
        const int *batch = t->order + from * t->batch;
        const long rest = t->samples - from * t->batch, size = rest < t->batch ? rest : t->batch;
        double loss = 0;
        long right = 0;
        for (long j = 0; j < n; j++) total[j] = reached[j] = 0;
        for (long k = 0; k < t->kinds_of_tapes; k++) {
            long m = 0;
            for (long i = 0; i < size; i++) if (t->kinds[batch[i]] == k) t->chosen[m++] = batch[i];
            if (!m) continue;
            if (evaluate(t->tapes[k], m, t->X, t->width, t->chosen, t->P, outputs, gradient)) return from;
            for (long j = 0; j < n; j++) total[j] += gradient[j], reached[j] |= t->reached[k * n + j];
            for (long i = 0; i < m; i++) {
                loss += outputs[i * results];
                if (results > 1)
                    right += is_right(t, outputs + i * results + 1, results - 1, t->targets[t->chosen[i]]);
            }
        }
        for (long j = 0; j < n; j++) total[j] /= size;
        if (loss - loss != 0 || update(t, total, reached, fresh)) return from;
        t->settings->loss += loss;
        t->right += right;
    }
    return from;
}
