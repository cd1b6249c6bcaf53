#!/usr/bin/env node
// Starts the program of this file's name, which bundle.mjs made one file of. Of what a short command takes, most is the
// start: so Node's own modules are loaded when they are first used, and code that was compiled when the program was
// built is not compiled again, if this is the same Node.
'use strict';
const { existsSync, readFileSync } = require('node:fs');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

const name = __filename.slice(0, -'.cjs'.length);
const bundle = `${name}.bundle`;
const compiled = `${name}.${process.version}-${process.arch}`;

const lazy = (id) => {
  let module;
  const get = (_, member) => {
    module ??= require(id);
    return module[member];
  };
  return new Proxy({}, { get });
};

const script = new Script(readFileSync(bundle, 'latin1'), {
  filename: bundle,
  ...(existsSync(compiled) && { cachedData: readFileSync(compiled) }),
});
const start = script.runInThisContext();
start((id) => (id.startsWith('node:') ? lazy(id) : require(id)), pathToFileURL(__filename).href);
