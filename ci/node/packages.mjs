// Lets scripts that lie elsewhere import the packages installed beside this file: node --import packages.mjs script.mjs
import { registerHooks } from "node:module";

const PACKAGE = /^(?![./]|\w+:)/; // neither a path nor an address
const HERE = new URL(".", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const lent = PACKAGE.test(specifier) && !context.parentURL?.startsWith(HERE);
    return next(specifier, lent ? { ...context, parentURL: import.meta.url } : context);
  },
  // GitHub's parser imports its grammar without saying that it is JSON, which bundlers accept and Node does not.
  load(url, context, next) {
    return next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context);
  },
});
