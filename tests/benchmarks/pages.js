// The page's training against TensorFlow.js: a step of SGD for all samples, in turns; what comes before this is the page's.

const { performance: clock } = require("perf_hooks");
const tf = require(process.env.MICROGRAD_LIKE_TFJS);

const ROUNDS = 15;
const STEPS = 20; // of each in a round
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function main() {
  await tf.setBackend("cpu");
  const [name] = Object.keys(DATA.activations);
  const training = new Training(DATA, { ...DATA, batchSize: DATA.numbers.length });
  training.begin(PROGRAMS.get(name).train, DATA.given);

  const weights = DATA.sizes.slice(1).map((n, k) => {
    const matrix = Array.from({ length: DATA.sizes[k] }, () => new Array(n).fill(0));
    const bias = new Array(n).fill(0);
    DATA.parameters.forEach(([layer, i, j], p) => {
      if (layer === k + 1 && i < 0) bias[j] = DATA.given[p];
      else if (layer === k + 1) matrix[i][j] = DATA.given[p];
    });
    return [tf.variable(tf.tensor2d(matrix)), tf.variable(tf.tensor1d(bias))];
  });
  const rows = tf.tensor2d(DATA.rows);
  const targets = tf.tensor1d(DATA.classes, "float32");
  const optimizer = tf.train.sgd(DATA.learningRate);
  const loss = () => {
    const out = weights.reduce((x, [w, b], k) => (k + 1 < weights.length ? tf.relu(x.matMul(w).add(b)) : x.matMul(w).add(b)), rows);
    const z = out.reshape([-1]);
    return tf.softplus(z).sub(z.mul(targets)).mean();
  };
  const theirs = () => {
    const found = optimizer.minimize(loss, true);
    const number = found.dataSync()[0];
    found.dispose();
    return number;
  };
  const ours = () => training.update().loss;

  const timed = (step) => {
    const start = clock.now();
    let last;
    for (let k = 0; k < STEPS; k++) last = step();
    return [(clock.now() - start) / STEPS, last];
  };
  const begun = clock.now();
  let apart = 0;
  let count = 0;
  while (clock.now() - begun < 10_000) {
    // until the functions are compiled by V8, as after some seconds of a page
    apart = Math.max(apart, Math.abs(ours() - theirs()));
    count += 1;
    if (count % 20 === 0) await new Promise((done) => setTimeout(done));
  }
  const found = { ours: [], theirs: [] };
  for (let k = 0; k < ROUNDS; k++) {
    for (const [name_, step] of k % 2 ? [["ours", ours], ["theirs", theirs]] : [["theirs", theirs], ["ours", ours]]) found[name_].push(timed(step)[0]);
  }
  const ratio = median(found.ours.map((x, k) => found.theirs[k] / x));
  console.log(JSON.stringify({ ours: median(found.ours), theirs: median(found.theirs), ratio, apart, version: tf.version.tfjs }));
}

main();
