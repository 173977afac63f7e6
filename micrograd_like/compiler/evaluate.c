/* Runs lowered programs: one evaluator for all of them, so that a program is ready as soon as it is lowered.

   A program is a tape of numbers: for each instruction what it does, how often, where its results go, and where its
   operands lie. W rows are computed side by side, each place holding a number for each of them; W is 1, or as many times
   8 as fit into the cache; LANES of them make a vector. What neurons of a layer have in common is one instruction, so
   that a number that was loaded is used several times. There are no headers, so that no name has a meaning that is not
   seen here.

   Each instruction rounds as the engine does. Only the sums of LAYER and OUTER, where there is more than one row, are
   contracted to fused multiply-adds, which round once where the engine rounds twice. */

/* A vector as wide as the processor's own: GCC keeps wider ones in memory, which takes ten times as long. Tiles, of
   neurons and vectors, are as large as its registers allow. */
#ifdef __AVX512F__
#define LANES 8
#define FIRST_TILE 4, 6
#define TALL 8
#else
#ifdef __AVX__
#define LANES 4
#else
#define LANES 2
#endif
#define FIRST_TILE 2, 6
#define TALL 4
#endif
typedef double vec __attribute__((vector_size(8 * LANES), may_alias));
typedef double anywhere __attribute__((vector_size(8 * LANES), may_alias, aligned(8)));
typedef long bits __attribute__((vector_size(8 * LANES)));
typedef long indices __attribute__((vector_size(64)));
#define INLINE static inline __attribute__((always_inline))
#define APART static __attribute__((noinline))
#define CACHE (1 << 20) /* how many bytes the numbers of a block of rows may take */
#define MOST 128 /* rows of a block, where each weight that is loaded shall serve many; */
#define FEW 64 /* and where there are FEW_PLACES at most, so that the numbers stay near: it takes a twentieth less time */
#define FEW_PLACES 600
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
    const int *watched;         /* places that shall not be infinite or NaN: the outputs, and what might not show there */
    const int *copied;          /* parameters that take places, for what is not a weighted sum */
    const double *constants;    /* what the first places hold; after them the copied parameters and the inputs */
    const int *outputs;         /* places */
    const int *gathered;        /* weights that are not evenly spaced: their copies come after the parameters */
    long watching, copying, constant, inputs, parameters, gradients, places, results, scratch, gathering;
} Tape;

%(simd)s double exp(double), log(double), log1p(double), sin(double), cos(double), tanh(double);
%(functions)s

enum { SUM = -1, DOT = -2, LAYER = -3, OUTER = -4 }; /* the other instructions are rows of ops.py */

INLINE vec multiply_add(vec a, vec b, vec c) {
#ifdef __FP_FAST_FMA
    for (int k = 0; k < LANES; k++) c[k] = __builtin_fma(a[k], b[k], c[k]);
    return c;
#else
    return a * b + c;
#endif
}

/* Turn as many vectors over as one has numbers: number i of vector k becomes number k of vector i. */
INLINE void transpose(vec *x) {
#if LANES == 8
    vec pairs[8], quads[8];
    UNROLL for (int k = 0; k < 8; k += 2) {
        pairs[k] = PICK(x[k], x[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        pairs[k + 1] = PICK(x[k], x[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    UNROLL for (int k = 0; k < 8; k++) {
        const vec a = pairs[k & 5], b = pairs[k & 5 | 2];
        quads[k] = k & 2 ? PICK(a, b, 2, 3, 10, 11, 6, 7, 14, 15) : PICK(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
    }
    UNROLL for (int k = 0; k < 8; k++) {
        const vec a = quads[k & 3], b = quads[k & 3 | 4];
        x[k] = k & 4 ? PICK(a, b, 4, 5, 6, 7, 12, 13, 14, 15) : PICK(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    }
#else
    UNROLL for (int k = 0; k < LANES; k++)
        UNROLL for (int i = 0; i < k; i++) {
            const double other = x[i][k];
            x[i][k] = x[k][i];
            x[k][i] = other;
        }
#endif
}

/* Make one of the zeros NaN if one of n numbers is infinite or NaN. */
INLINE void check(const double *x, long n, vec zeros[4]) {
    for (; n >= 4 * LANES; n -= 4 * LANES, x += 4 * LANES)
        UNROLL for (int k = 0; k < 4; k++) zeros[k] += ((anywhere *)x)[k] - ((anywhere *)x)[k];
    for (; n >= LANES; n -= LANES, x += LANES) zeros[0] += *(anywhere *)x - *(anywhere *)x;
    for (; n; n--, x++) zeros[0] += *x - *x;
}

/* Carry out DOT: out, n, where to start, then n inputs and n weights, which are all places. */
APART void dot(const int *c, long W, double *V) {
    const int n = c[2], *inputs = c + 4, *weights = inputs + n;
    double *restrict out = AT(1), sum = *AT(3);
    if (W == 1) {
        for (int i = 0; i < n; i++) sum += V[weights[i]] * V[inputs[i]];
        *out = sum;
        return;
    }
    for (long k = 0; k < W; k++) out[k] = AT(3)[k];
    for (int i = 0; i < n; i++) {
        const double *x = V + inputs[i] * W, *w = V + weights[i] * W;
        for (long k = 0; k < W; k++) out[k] += w[k] * x[k];
    }
}

/* The weighted sums of J neurons, or of m if that is less, for K vectors of rows. */
INLINE void neurons(const int J, const int K, long W, int m, int n, int step, int relu, const int *starts,
                    const int *firsts, const int *inputs, const double *P, const double *V, double *out, vec *zeros) {
    vec sum[8][4];
    const double *weights[8];
    UNROLL for (int j = 0; j < J; j++) {
        const int neuron = j < m ? j : m - 1, start = starts[neuron]; /* the last one is computed again */
        weights[j] = P + firsts[neuron];
        if (start < 0) UNROLL for (int k = 0; k < K; k++) sum[j][k] = ((vec *)(V + ~start * W))[k];
        else UNROLL for (int k = 0; k < K; k++) sum[j][k] = P[start] - (vec){0};
    }
    for (int i = 0; i < n; i++) {
        const vec *x = (vec *)(V + inputs[i] * W);
        UNROLL for (int j = 0; j < J; j++) {
            const vec w = weights[j][(long)i * step] - (vec){0};
            UNROLL for (int k = 0; k < K; k++) sum[j][k] = multiply_add(w, x[k], sum[j][k]);
        }
    }
    if (relu)
        UNROLL for (int j = 0; j < J; j++)
            UNROLL for (int k = 0; k < K; k++) {
                zeros[k] += sum[j][k] - sum[j][k];
                sum[j][k] = (vec)((sum[j][k] > 0) & (bits)sum[j][k]);
            }
    UNROLL for (int j = 0; j < J; j++)
        UNROLL for (int k = 0; k < K; k++) ((vec *)(out + (j < m ? j : m - 1) * W))[k] = sum[j][k];
}

/* Carry out LAYER: the first out, m neurons, n inputs, how far apart the weights of a neuron are among the parameters,
   and whether relus of the sums are wanted; then which parameter, or ~place, each neuron's sum starts from; which is the
   first weight of each; and n inputs. */
APART void layer(const int *c, long W, const double *P, double *V, vec *zeros) {
    const int m = c[2], n = c[3], step = c[4], relu = c[5], *starts = c + 6, *firsts = starts + m, *inputs = firsts + m;
    double *out = AT(1);
    if (W == 1) {
        for (int j = 0; j < m; j += 8) { /* eight at once, so that none waits for its own last addition */
            double sum[8];
            const double *weights[8];
            UNROLL for (int k = 0; k < 8; k++) {
                const int neuron = j + k < m ? j + k : m - 1, start = starts[neuron];
                weights[k] = P + firsts[neuron];
                sum[k] = start < 0 ? V[~start] : P[start];
            }
            for (int i = 0; i < n; i++) {
                const double x = V[inputs[i]];
                UNROLL for (int k = 0; k < 8; k++) sum[k] += weights[k][(long)i * step] * x;
            }
            for (int k = 0; k < 8 && j + k < m; k++) {
                out[j + k] = relu && sum[k] <= 0 ? 0 : sum[k];
                zeros[0] += sum[k] - sum[k];
            }
        }
        return;
    }
#define NEURONS(J, K)                                                                                              \
    neurons(J, K, W, m - j, n, step, relu, starts + j, firsts + j, inputs, P, V + v, out + j * W + v, zeros)
#define ROWS(...) ROWS_OF(__VA_ARGS__)
#define ROWS_OF(K, J)                                      \
    for (; v + LANES * K <= W; v += LANES * K)             \
        for (int j = 0; j < m; j += J)                     \
            if (m == 1) NEURONS(1, K);                     \
            else if (m - j <= 4) NEURONS(4, K);            \
            else NEURONS(J, K)
    long v = 0;
    ROWS(FIRST_TILE);
    ROWS(2, TALL);
    ROWS(1, 8);
}

/* Return the products of a number and of up to LANES others, each summed over rows. */
INLINE vec products(long W, int n, const vec *number, const int *others, const double *V) {
    const vec *x[LANES];
    vec sum[LANES];
    UNROLL for (int i = 0; i < LANES; i++) x[i] = (vec *)(V + others[i < n ? i : n - 1] * W), sum[i] = (vec){0};
    for (long k = 0; k < W / LANES; k++)
        UNROLL for (int i = 0; i < LANES; i++) sum[i] = multiply_add(number[k], x[i][k], sum[i]);
    transpose(sum);
    UNROLL for (int half = LANES / 2; half; half /= 2)
        UNROLL for (int i = 0; i < half; i++) sum[i] += sum[i + half];
    return sum[0];
}

/* Add the products of J upstream gradients, or of m if that is less, and of L vectors of local derivatives, or of n, summed
   over rows, to the gradient. */
INLINE void tile(const int J, const int L, long W, long rows, int m, int n, const int *upstream, const int *to,
                 const vec (*local)[3], const double *V, double *G) {
    vec sum[8][3];
    const double *u[8];
    UNROLL for (int j = 0; j < J; j++) {
        const int k = j < m ? j : m - 1;
        u[j] = V + upstream[k] * W;
        UNROLL for (int l = 0; l < L; l++) sum[j][l] = (vec){0};
        UNROLL for (int l = 0; l <= L; l++) __builtin_prefetch(G + to[k] + LANES * l, 1);
    }
    for (long r = 0; r < rows; r++)
        UNROLL for (int j = 0; j < J; j++)
            UNROLL for (int l = 0; l < L; l++) sum[j][l] = multiply_add(u[j][r] - (vec){0}, local[r][l], sum[j][l]);
    for (int j = 0; j < J && j < m; j++) {
        double *g = G + to[j];
        for (int l = 0; l < L; l++)
            if (LANES * l + LANES <= n) ((anywhere *)g)[l] += sum[j][l];
            else for (int i = LANES * l; i < n; i++) g[i] += ((double *)sum[j])[i];
    }
}

/* Carry out OUTER: m, n, then m upstream gradients, the first of the n parameters of each, and n local derivatives. */
APART void outer(const int *c, long W, long rows, double *V, double *G) {
    const int m = c[1], n = c[2], *upstream = c + 3, *to = upstream + m, *local = to + m;
    if (W > 1 && (m < 8 || n < 8)) { /* turning so few over does not pay */
        const int more = m < n, *one = more ? upstream : local, *others = more ? local : upstream;
        for (int j = 0; j < m; j++) for (long k = rows; k < W; k++) V[upstream[j] * W + k] = 0; /* not wanted */
        for (int a = 0; a < (more ? m : n); a++)
            for (int b = 0, rest = more ? n : m; rest > 0; b += LANES, rest -= LANES) {
                const vec found = products(W, rest, (vec *)(V + one[a] * W), others + b, V);
                for (int k = b; k < b + LANES && k < b + rest; k++) G[more ? to[a] + k : to[k] + a] += found[k - b];
            }
        return;
    }
    vec turned[MOST][3]; /* of each row as many local derivatives as three vectors hold */
    for (int i = 0; i < n; i += 3 * LANES) {
        const int vectors = n - i > 2 * LANES ? 3 : n - i > LANES ? 2 : 1;
        for (int l = 0; l < vectors; l++) {
            const double *from[LANES];
            for (int h = 0, k = i + LANES * l; h < LANES; h++, k++) from[h] = V + local[k < n ? k : n - 1] * W;
            if (W == 1) for (int h = 0; h < LANES; h++) turned[0][l][h] = *from[h];
            else for (long k = 0; k < W; k += LANES) {
                vec some[LANES];
                UNROLL for (int h = 0; h < LANES; h++) some[h] = *(vec *)(from[h] + k);
                transpose(some);
                UNROLL for (int h = 0; h < LANES; h++) turned[k + h][l] = some[h];
            }
        }
#define TILE(J, L) tile(J, L, W, rows, m - j, n - i, upstream + j, to + j, turned, V, G + i)
#define TILES(L)                                           \
        for (int j = 0; j < m; j += TALL)                  \
            if (m - j <= 4) TILE(4, L);                    \
            else TILE(TALL, L)
        if (vectors == 3) TILES(3);
        else if (vectors == 2) TILES(2);
        else TILES(1);
    }
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
        case DOT: dot(c, W, V); c += 4 + 2 * c[2]; break;
        case LAYER: layer(c, W, P, V, zeros); c += 6 + 2 * c[2] + c[3]; break;
        case OUTER: outer(c, W, rows, V, G); c += 3 + 2 * c[1] + c[2]; break;
%(cases)s
        default: __builtin_unreachable();
        }
    }
    for (const int *c = t->watched; c < t->watched + t->watching; c++) check(AT(0), W, zeros);
}

/* Compute the outputs of n rows of X, and add their gradients with respect to the parameters P to `gradient`.
   Each row has `width` numbers, the inputs first; `order` says which rows, where it is not all of them in turn.
   Return 0; 1 if any number was infinite or not a number; 2 if memory is short. */
int evaluate(const Tape *t, long n, const double *X, long width, const int *order, const double *P, double *outputs,
             double *gradient) {
    long most = t->places <= FEW_PLACES ? FEW : CACHE / (8 * t->places) / 32 * 32;
    most = most > MOST ? MOST : most ? most : 8;
    if (n < most) most = n == 1 ? 1 : (n + 7) / 8 * 8;
    const long size = t->places * most + t->scratch, all = t->gathering ? t->parameters + t->gathering : 0;
    double *V = aligned_alloc(64, (8 * (size + all) + 127) / 64 * 64);
    if (!V) return 2;
    vec zeros[4] = {0};
    check(P, t->parameters, zeros);
    for (long j = 0; j < all; j++) V[size + j] = P[j < t->parameters ? j : t->gathered[j - t->parameters]];
    if (all) P = V + size;
    for (long r = 0, W, before = 0; r < n; r += W, before = W) {
        W = n - r >= most ? most : (n - r + 7) / 8 * 8;
        const long rows = n - r < W ? n - r : W;
        double *v = V;
        if (W != before) {
            for (long j = 0; j < t->constant; j++) for (long k = 0; k < W; k++) *v++ = t->constants[j];
            for (long j = 0; j < t->copying; j++) for (long k = 0; k < W; k++) *v++ = P[t->copied[j]];
        }
        v = V + (t->constant + t->copying) * W;
        for (long k = 0; k < W; k += LANES) { /* the last row fills up what is left of a vector */
            const double *x[LANES];
            for (long i = 0; i < LANES; i++) {
                const long row = r + (k + i < rows ? k + i : rows - 1);
                x[i] = X + (order ? order[row] : row) * width;
            }
            long j = 0;
            for (; W > 1 && j + LANES <= t->inputs; j += LANES) {
                vec some[LANES];
                UNROLL for (int i = 0; i < LANES; i++) some[i] = *(anywhere *)(x[i] + j);
                transpose(some);
                UNROLL for (int i = 0; i < LANES; i++) *(vec *)(v + (j + i) * W + k) = some[i];
            }
            for (; j < t->inputs; j++)
                if (W == 1) v[j] = x[0][j];
                else for (int i = 0; i < LANES; i++) v[j * W + k + i] = x[i][j];
        }
        pass(W, rows, t, P, V, gradient, zeros);
        for (long k = 0; k < rows; k++)
            for (long j = 0; j < t->results; j++) *outputs++ = V[t->outputs[j] * W + k];
    }
    check(gradient, t->gradients, zeros);
    free(V);
    zeros[0] += zeros[1] + zeros[2] + zeros[3];
    double bad = 0;
    for (int k = 0; k < LANES; k++) bad += zeros[0][k];
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
    double *room;                /* for outputs, and six numbers for each parameter */
    struct { double lr, decay, a, b, eps, threshold, loss; } *settings;
    long kinds_of_tapes, width, samples, batch, parameters, adam, right;
} Training;

/* The Mersenne Twister, MT19937 by M. Matsumoto and T. Nishimura (1998), as Python's module random runs it. */
INLINE void twist(unsigned *s, int i, int next, int other) {
    const unsigned y = (s[i] & 0x80000000u) | (s[next] & 0x7fffffffu);
    s[i] = s[other] ^ (y >> 1) ^ (-(y & 1) & 0x9908b0dfu);
}

static unsigned draw(unsigned *s) {
    if (s[624] >= 624) { /* in three loops, which become vectors */
        for (int i = 0; i < 227; i++) twist(s, i, i + 1, i + 397);
        for (int i = 227; i < 623; i++) twist(s, i, i + 1, i - 227);
        twist(s, 623, 0, 396);
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
int train(Training *t, int from, int to) {
    const long n = t->parameters, results = t->tapes[0]->results;
    double *gradient = t->room, *fresh = gradient + n, *outputs = fresh + 5 * n;
    char *reached = t->there;
    if (from == 0) {
        shuffle(t->order, t->samples, t->random);
        t->settings->loss = t->right = 0;
    }
    for (; from < to; from++) {
        const int *batch = t->order + from * t->batch;
        const long rest = t->samples - from * t->batch, size = rest < t->batch ? rest : t->batch;
        double loss = 0, losses[4] = {0}; /* four, of which none waits for the others */
        long right = 0;
        for (long j = 0; j < n; j++) gradient[j] = reached[j] = 0;
        for (long k = 0; k < t->kinds_of_tapes; k++) {
            const int *chosen = batch;
            long m = size;
            if (t->kinds_of_tapes > 1) {
                m = 0, chosen = t->chosen;
                for (long i = 0; i < size; i++) if (t->kinds[batch[i]] == k) t->chosen[m++] = batch[i];
            }
            if (!m) continue;
            if (evaluate(t->tapes[k], m, t->X, t->width, chosen, t->P, outputs, gradient)) return from;
            for (long j = 0; j < n; j++) reached[j] |= t->reached[k * n + j];
            for (long i = 0; i < m; i++) {
                losses[i & 3] += outputs[i * results];
                if (results > 1) right += is_right(t, outputs + i * results + 1, results - 1, t->targets[chosen[i]]);
            }
        }
        for (int i = 0; i < 4; i++) loss += losses[i];
        const double share = 1.0 / size;
        for (long j = 0; j < n; j++) gradient[j] *= share;
        if (loss - loss != 0 || update(t, gradient, reached, fresh)) return from;
        t->settings->loss += loss;
        t->right += right;
    }
    return from;
}
