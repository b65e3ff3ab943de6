// Where are the packages that npm installed? Not beside this file: outside of git's
// sight, where PEER_PACKAGES says. Node is told so with --import.
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

const home = pathToFileURL(`${process.env.PEER_PACKAGES}/package.json`).href;

registerHooks({
  resolve(specifier, context, next) {
    const bare = !/^(node:|file:|data:|[./])/.test(specifier);
    const ours = !context.parentURL?.includes("/node_modules/");
    return next(specifier, bare && ours ? { ...context, parentURL: home } : context);
  },
});
