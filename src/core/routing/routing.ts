/** The door of routing: who gets a message, what it looks like there, and which names fit which patterns. */

export { applyTransform, compileExpression, type Expression } from './expression.ts';
export { glob, matches } from './pattern.ts';
export { alsoTo, type Conditional, type Route, type Target, type Transform } from './route.ts';
export { Router } from './router.ts';
