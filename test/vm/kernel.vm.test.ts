/** Between them, the kernel of the host and that of the virtual machine have everything that some test asks for. */
import { kernelFeatures, listedFeatures } from '../helpers/kernel.ts';
import { kernel, root, testRequiring } from '../helpers/requires.ts';

for (const feature of listedFeatures) {
  testRequiring(root(), kernel(feature))(`the kernel has ${feature}`, (t) => {
    t.true(kernelFeatures().includes(feature));
  });
}
