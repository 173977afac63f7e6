// What all pages have in common.

const find = (id) => document.getElementById(id);

// Return a new element; what a person has written comes into it as text.
function element(tag, className = "", ...content) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...content);
  return made;
}

// How a verdict looks beside its colour.
const SYMBOLS = {
  right: "✓",
  "follow-through": "↳",
  trivial: "↳",
  "too coarse": "≈",
  wrong: "✗",
  missing: "–",
  unread: "!",
};
