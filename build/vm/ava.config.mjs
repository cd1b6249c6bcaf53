// The tests in the virtual machine: all in one process (suite.mjs), because starting one takes the emulated processor
// many seconds.
export default {
  files: ['dist/test/vm-suite.js'],
  timeout: '10m',
  workerThreads: false,
};
