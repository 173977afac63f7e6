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

void *aligned_alloc(unsigned long, unsigned long);
void free(void *);

typedef struct {
    const int *code, *end;      /* the instructions */
    const int *watched;         /* places whose being infinite or NaN might not show in the results */
    const int *copied;          /* parameters that take places, for what is not a weighted sum */
    const double *constants;    /* what the first places hold; after them the copied parameters and the inputs */
    long watching, copying, constant, inputs, parameters, gradients, places, output;
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
        case DOT: { /* out, n, start, then n first and n second factors */
            const int n = c[2], *first = c + 4, *second = first + n;
            if (W == 1) {
                double sum = AT(3)[0];
                for (int i = 0; i < n; i++) sum += V[first[i]] * V[second[i]];
                out[0] = sum;
            } else {
                vec sum[4];
                ACROSS sum[v] = ((vec *)AT(3))[v];
                for (int i = 0; i < n; i++) {
                    const vec *x = (vec *)(V + (long)first[i] * W), *y = (vec *)(V + (long)second[i] * W);
                    ACROSS sum[v] += x[v] * y[v];
                }
                ACROSS ((vec *)out)[v] = sum[v];
            }
            c = second + n;
            break;
        }
        case WEIGH: { /* the same, the first factors being parameters */
            const int n = c[2], *first = c + 4, *second = first + n;
            if (W == 1) {
                double sum = AT(3)[0];
                for (int i = 0; i < n; i++) sum += P[first[i]] * V[second[i]];
                out[0] = sum;
            } else {
                vec sum[4];
                ACROSS sum[v] = ((vec *)AT(3))[v];
                for (int i = 0; i < n; i++) {
                    const vec *y = (vec *)(V + (long)second[i] * W);
                    const double x = P[first[i]];
                    ACROSS sum[v] += x * y[v];
                }
                ACROSS ((vec *)out)[v] = sum[v];
            }
            c = second + n;
            break;
        }
        case GRADIENT: { /* add a number to the gradient of a parameter */
            if (W == 1) G[c[2]] += out[0];
            else ACROSS ((vec *)G)[c[2]] += ((vec *)out)[v];
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
    vec zeros = {0}; /* becomes NaN where a number is infinite or NaN */
    for (const int *c = t->watched; c < t->watched + t->watching; c++) {
        if (W == 1) zeros[0] += AT(0)[0] - AT(0)[0];
        else ACROSS zeros += ((vec *)AT(0))[v] - ((vec *)AT(0))[v];
    }
    for (int l = 0; l < 8; l++) *bad += zeros[l];
}

static void pass32(const Tape *t, const double *P, double *V, double *G, double *bad) { pass(32, t, P, V, G, bad); }
static void pass8(const Tape *t, const double *P, double *V, double *G, double *bad) { pass(8, t, P, V, G, bad); }
static void pass1(const Tape *t, const double *P, double *V, double *G, double *bad) { pass(1, t, P, V, G, bad); }

/* Compute the outputs of n rows X, and the sum over rows of the gradient with respect to the parameters P.
   Return 0; 1 if any number was infinite or not a number; 2 if memory is short. */
int evaluate(const Tape *t, long n, const double *X, const double *P, double *outputs, double *gradient) {
    const int narrow = n == 1 ? 1 : 8, wide = n >= 32 && t->places <= 4096 ? 32 : narrow, lanes = narrow;
    double *V = aligned_alloc(64, 64 * (t->places * wide / 8 + 1 + t->gradients * 2));
    if (!V) return 2;
    double *G = V + 8 * (t->places * wide / 8 + 1), *last = G + 8 * t->gradients, bad = 0;
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
                const double *x = X + (r + (k < rows ? k : rows - 1)) * t->inputs; /* the last row fills up the block */
                for (long j = 0; j < t->inputs; j++) v[j * W + k] = x[j];
            }
            double *g = rows < W ? last : G;
            if (W == 32) pass32(t, P, V, g, &bad);
            else if (W == 8) pass8(t, P, V, g, &bad);
            else pass1(t, P, V, g, &bad);
            for (long k = 0; k < rows; k++) {
                outputs[r + k] = V[t->output * W + k];
                bad += outputs[r + k] - outputs[r + k];
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
