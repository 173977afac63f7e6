/* Runs lowered programs: one evaluator for all of them, so that a program is ready as soon as it is lowered.

   A program is a tape of numbers: for each instruction what it does, where its result goes, and where its operands
   lie. W rows are computed side by side, each place holding a number for each of them; W is 32, 8 or 1. The gradient of
   a parameter adds up in `lanes`, of which there are 8 at most. Nothing is contracted or reordered: each instruction
   rounds as the engine does. There are no headers, so that no name has a meaning that is not seen here. */

typedef double vec __attribute__((vector_size(64), may_alias));
#define INLINE static inline __attribute__((always_inline))
#define EACH for (int k = 0; k < W; k++)
#define AT(i) (V + (long)c[i] * W)
#define ACROSS _Pragma("GCC unroll 4") for (int v = 0; v < W / 8; v++)

/* out, n, start, then n first and n second factors */
#define WEIGHTED_SUM(number, rows) {                                               \
        const int n = c[2], *first = c + 4, *second = first + n;                   \
        if (W == 1) {                                                              \
            double sum = AT(3)[0];                                                 \
            for (int i = 0; i < n; i++) sum += number * V[second[i]];              \
            out[0] = sum;                                                          \
        } else {                                                                   \
            vec sum[4];                                                            \
            ACROSS sum[v] = ((vec *)AT(3))[v];                                     \
            for (int i = 0; i < n; i++) {                                          \
                const vec *y = (vec *)(V + (long)second[i] * W);                   \
                ACROSS sum[v] += rows * y[v];                                      \
            }                                                                      \
            ACROSS ((vec *)out)[v] = sum[v];                                       \
        }                                                                          \
        c = second + n;                                                            \
        break;                                                                     \
    }

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

%(functions)s

enum { SUM = -1, DOT = -2, WEIGH = -3, GRADIENT = -4, GRADIENTS = -5 }; /* the other instructions are rows of ops.py */

/* Compute W rows. */
INLINE void pass(const int W, const Tape *t, const double *P, double *V, double *G, double *bad) {
    for (const int *c = t->code; c < t->end;) {
        double *restrict out = AT(1);
        switch (c[0]) {
        case SUM: {
            EACH out[k] = AT(3)[k];
            for (int i = 1; i < c[2]; i++) EACH out[k] += AT(3 + i)[k];
            c += 3 + c[2];
            break;
        }
        case DOT: WEIGHTED_SUM(V[first[i]], ((vec *)(V + (long)first[i] * W))[v])
        case WEIGH: WEIGHTED_SUM(P[first[i]], P[first[i]]) /* the first factors being parameters */
        case GRADIENT: { /* add a number to the gradient of a parameter */
            if (W == 1) G[c[2]] += out[0];
            else {
                vec *g = (vec *)G + c[2], sum = *g;
                ACROSS sum += ((vec *)out)[v];
                *g = sum;
            }
            c += 3;
            break;
        }
        case GRADIENTS: { /* upstream, n, then n parameters and n local derivatives: add the product to each */
            const int n = c[2], *to = c + 3, *local = to + n;
            if (W == 1) {
                const double upstream = out[0];
                for (int i = 0; i < n; i++) G[to[i]] += upstream * V[local[i]];
            } else {
                vec upstream[4];
                ACROSS upstream[v] = ((vec *)out)[v];
                for (int i = 0; i < n; i++) {
                    const vec *x = (vec *)(V + (long)local[i] * W);
                    vec *g = (vec *)(G + (long)to[i] * 8), sum = *g;
                    ACROSS sum += upstream[v] * x[v];
                    *g = sum;
                }
            }
            c = local + n;
            break;
        }
%(cases)s
        default: __builtin_unreachable();
        }
    }
    vec zeros[4] = {0}; /* become NaN where a number is infinite or NaN */
    for (const int *c = t->watched; c < t->watched + t->watching; c++) {
        if (W == 1) zeros[0][0] += AT(0)[0] - AT(0)[0];
        else ACROSS zeros[v] += ((vec *)AT(0))[v] - ((vec *)AT(0))[v];
    }
    zeros[0] += zeros[1] + zeros[2] + zeros[3];
    for (int l = 0; l < 8; l++) *bad += zeros[0][l];
}

static void pass32(const Tape *t, const double *P, double *V, double *G, double *bad) { pass(32, t, P, V, G, bad); }
static void pass8(const Tape *t, const double *P, double *V, double *G, double *bad) { pass(8, t, P, V, G, bad); }
static void pass1(const Tape *t, const double *P, double *V, double *G, double *bad) { pass(1, t, P, V, G, bad); }

/* Compute the outputs of n rows of X, and the sum over rows of the gradient with respect to the parameters P.
   Each row has `width` numbers, the inputs first; `order` says which rows, where it is not all of them in turn.
   Return 0; 1 if any number was infinite or not a number; 2 if memory is short. */
int evaluate(const Tape *t, long n, const double *X, long width, const int *order, const double *P, double *outputs,
             double *gradient) {
    const int narrow = n == 1 ? 1 : 8, wide = n >= 32 && t->places <= 4096 ? 32 : narrow, lanes = narrow;
    const long size = t->places * wide / 8 + t->scratch / 8 + 2; /* in vectors; behind the places is room for operands */
    double *V = aligned_alloc(64, 64 * (size + t->gradients * 2));
    if (!V) return 2;
    double *G = V + 8 * size, *last = G + 8 * t->gradients, bad = 0;
    for (long j = 0; j < t->gradients * 16; j++) G[j] = 0;
    for (long j = 0; j < t->parameters; j++) bad += P[j] - P[j];
    long r = 0;
    for (int W = wide; r < n; W = narrow) {
        double *v = V;
        for (long j = 0; j < t->constant; j++) EACH *v++ = t->constants[j];
        for (long j = 0; j < t->copying; j++) EACH *v++ = P[t->copied[j]];
        for (; r < n && (W == narrow || n - r >= W); r += W) {
            const long rows = n - r < W ? n - r : W;
            EACH {
                const long row = r + (k < rows ? k : rows - 1); /* the last row fills up the block */
                const double *x = X + (order ? order[row] : row) * width;
                for (long j = 0; j < t->inputs; j++) v[j * W + k] = x[j];
            }
            double *g = rows < W ? last : G;
            if (W == 32) pass32(t, P, V, g, &bad);
            else if (W == 8) pass8(t, P, V, g, &bad);
            else pass1(t, P, V, g, &bad);
            for (long k = 0; k < rows; k++) {
                for (long j = 0; j < t->results; j++, outputs++) {
                    *outputs = V[t->outputs[j] * W + k];
                    bad += *outputs - *outputs;
                }
            }
        }
    }
    for (long j = 0; j < t->gradients; j++) {
        double sum = 0;
        for (int k = 0; k < lanes; k++) sum += G[j * lanes + k] + (k < n %% 8 ? last[j * lanes + k] : 0);
        gradient[j] = sum;
        bad += sum - sum;
    }
    free(V);
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
    double *room;                /* for outputs, and five numbers for each parameter */
    struct { double lr, decay, a, b, eps, threshold, loss; } *settings;
    long kinds_of_tapes, width, samples, batch, parameters, adam, right;
} Training;

/* The Mersenne Twister, MT19937 by M. Matsumoto and T. Nishimura (1998), as Python's module random runs it. */
static unsigned draw(unsigned *s) {
    if (s[624] >= 624) {
        for (int i = 0; i < 624; i++) {
            const unsigned y = (s[i] & 0x80000000u) | (s[(i + 1) %% 624] & 0x7fffffffu);
            s[i] = s[(i + 397) %% 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
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
    for (unsigned i = n - 1; i > 0; i--) {
        const int bits = 32 - __builtin_clz(i + 1);
        unsigned j;
        do j = draw(random) >> (32 - bits);
        while (j > i);
        const int swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
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
    double *x = fresh, *first = x + n, *second = first + n, one = 0, two = 0, a = t->settings->a, b = t->settings->b;
    int counted = -1;
    for (long j = 0; j < n; j++) {
        double g = gradient[j];
        x[j] = t->P[j], first[j] = t->first[j], second[j] = t->second[j];
        if (!reached[j]) continue;
        if (t->adam) {
            if (t->times[j] != counted) {
                counted = t->times[j];
                one = 1 - pow(a, counted + 1), two = 1 - pow(b, counted + 1);
            }
            g += t->settings->decay * x[j];
            first[j] = a * first[j] + (1 - a) * g;
            second[j] = b * second[j] + (1 - b) * g * g;
            x[j] -= t->settings->lr * (first[j] / one / (sqrt(second[j] / two) + t->settings->eps));
        } else {
            if (t->settings->decay) g += t->settings->decay * x[j];
            first[j] = t->settings->a ? g + a * first[j] : g;
            x[j] -= t->settings->lr * first[j];
        }
        if (x[j] - x[j] != 0) return 1;
    }
    for (long j = 0; j < n; j++) {
        t->P[j] = x[j], t->first[j] = first[j], t->second[j] = second[j];
        t->times[j] += reached[j];
    }
    return 0;
}

/* Take the steps from one batch of an epoch to before another; return the first that was not taken. */
long train(Training *t, long from, long to) {
    const long n = t->parameters, results = t->tapes[0]->results;
    double *gradient = t->room, *total = gradient + n, *fresh = total + n, *outputs = fresh + 3 * n;
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
