// Gradient descent on the programs that the compiler wrote: no page is needed for it, and no picture.

const LARGEST_STATE = 2 ** 32;

// Numbers that look random, the same for the same seed: G. Marsaglia's xorshift of 32 bits.
class Generator {
  constructor(seed) {
    this.state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
    for (let k = 0; k < 8; k++) this.uniform();
  }

  // Return a number from 0 to below 1.
  uniform() {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state / LARGEST_STATE;
  }

  // Return a number of the normal distribution of mean 0 and standard deviation 1, by Box and Muller.
  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  // Put a list into another order, each as likely, by Fisher and Yates.
  shuffle(list) {
    for (let k = list.length - 1; k > 0; k--) {
      const other = Math.floor(this.uniform() * (k + 1));
      [list[k], list[other]] = [list[other], list[k]];
    }
  }
}

// How a weight is drawn; the formulas are those of init.py.
const INITIALIZERS = {
  zeros: { name: "zeros", formula: "all weights 0", draw: () => 0 },
  uniform: { name: "U(−1, 1)", formula: "from −1 to 1, whatever the layer's size", draw: (n, m, g) => 2 * g.uniform() - 1 },
  xavier: {
    name: "Xavier",
    formula: "U(−a, a) with a = √(6 / (fan_in + fan_out))",
    draw: (n, m, g) => (2 * g.uniform() - 1) * Math.sqrt(6 / (n + m)),
  },
  he: { name: "He", formula: "normal, variance 2 / fan_in", draw: (n, m, g) => g.normal() * Math.sqrt(2 / n) },
};

class Diverged extends Error {}

class Training {
  // `task` has: kinds, for each sample the place of its program; numbers, for each sample a row; classes; threshold;
  // parameters, for each its layer, from which unit, or -1 for a bias, and to which; sizes of the layers.
  constructor(task, { learningRate, batchSize }) {
    Object.assign(this, { task, learningRate, batchSize });
  }

  // Start again, from these numbers.
  begin(programs, parameters, { bias = true, seed = 0 } = {}) {
    Object.assign(this, { programs, bias, parameters: [...parameters], generator: new Generator(seed) });
    if (!bias) this.task.parameters.forEach(([, from], p) => from < 0 && (this.parameters[p] = 0));
    this.order = this.all;
    this.generator.shuffle(this.order);
    this.at = 0; // how many samples of this epoch have been used
    this.last = null; // the latest update
    this.history = []; // of each epoch that is over, all that is needed to come back to its end
    this.epoch = -1;
    this.keep(this.judge());
  }

  drawn(initializer, seed) {
    const { parameters, sizes } = this.task;
    const generator = new Generator(seed);
    const { draw } = INITIALIZERS[initializer];
    return parameters.map(([layer, from]) => (from < 0 ? 0 : draw(sizes[layer - 1], sizes[layer], generator)));
  }

  get all() {
    return this.task.numbers.map((_, i) => i);
  }

  // Return the results of samples, each [loss, …], and the mean of their gradients.
  compute(samples, parameters = this.parameters) {
    const results = new Array(samples.length);
    const gradient = new Float64Array(parameters.length);
    this.programs.forEach((program, kind) => {
      const places = samples.map((_, k) => k).filter((k) => this.task.kinds[samples[k]] === kind);
      if (!places.length) return;
      let outputs, sums;
      try {
        [outputs, sums] = program(places.map((k) => this.task.numbers[samples[k]]), parameters);
      } catch (error) {
        if (error instanceof RangeError) throw new Diverged(error.message);
        throw error;
      }
      places.forEach((k, j) => (results[k] = outputs[j]));
      for (let p = 0; p < gradient.length; p++) gradient[p] += sums[p] / samples.length;
    });
    return { results, gradient: Array.from(gradient), loss: mean(results.map(([loss]) => loss)) };
  }

  // Return the update that comes next: x - lr * gradient of the mean loss of so many samples, as SGD does in optim.py.
  next(count = this.batchSize) {
    const samples = this.order.slice(this.at, this.at + count);
    const before = this.parameters;
    const { gradient, loss } = this.compute(samples);
    const moves = (p) => this.bias || this.task.parameters[p][1] >= 0;
    const after = before.map((x, p) => (moves(p) ? x - this.learningRate * gradient[p] : x));
    return { before, after, samples, gradient, loss };
  }

  update(count = this.batchSize) {
    const whole = this.order.length;
    const { before, after, samples, gradient, loss } = this.next(count);
    if (!after.every(Number.isFinite)) throw new Diverged("a parameter is too large for a double");
    const isOver = this.at + samples.length === whole;
    const judged = isOver && this.judge(after);
    this.at = isOver ? 0 : this.at + samples.length;
    this.parameters = after;
    this.last = { before, after, samples, gradient, loss };
    this.history.length = this.epoch + 1; // a person may have gone back
    if (isOver) this.generator.shuffle(this.order);
    if (isOver) this.keep(judged);
    return this.last;
  }

  runEpoch() {
    do this.update();
    while (this.at);
  }

  keep({ loss, accuracy }) {
    const { parameters, order, generator, last } = this;
    this.history.push({ parameters, order: [...order], state: generator.state, last, loss, accuracy });
    this.epoch += 1;
  }

  // Come back to the end of an epoch; what is trained from there takes the place of the epochs after it.
  goTo(epoch) {
    const { parameters, order, state, last } = this.history[epoch];
    this.generator.state = state;
    Object.assign(this, { parameters, order: [...order], last, epoch, at: 0 });
  }

  // Set one parameter by hand.
  set(parameter, number) {
    this.parameters = this.parameters.map((x, p) => (p === parameter ? number : x));
    this.last = null;
  }

  // Return loss and accuracy over all samples, with their results and gradient, and which are right.
  judge(parameters = this.parameters) {
    const found = this.compute(this.all, parameters);
    if (!Number.isFinite(found.loss)) throw new Diverged("the loss is too large for a double");
    const right = found.results.map((result, i) => this.classOf(this.scores(result)) === this.task.classes[i]);
    return { ...found, right, accuracy: mean(right.map(Number)) };
  }

  scores(result) {
    return result.slice(1, 1 + this.task.sizes.at(-1));
  }

  classOf(scores) {
    return scores.length > 1 ? scores.indexOf(Math.max(...scores)) : Number(scores[0] > this.task.threshold);
  }

  // Return what each sample adds to the gradient of a parameter, the largest first; together they are its gradient.
  contributions(parameter) {
    const { all } = this;
    const found = all.map((i) => ({ sample: i, amount: this.compute([i]).gradient[parameter] / all.length }));
    return found.sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount));
  }
}

const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
