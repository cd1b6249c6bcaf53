import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { TlsFiles } from '../../rpc/credentials.ts';
import { temporaryFolder } from './temporary.ts';

const openssl = (folder: string, ...args: readonly string[]): void => {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
};

/** A certificate authority of a test's own, made by openssl. */
export class Authority {
  readonly folder: string;
  readonly certificate: string;

  constructor(t: Pick<ExecutionContext, 'teardown'>, name = 'test authority') {
    this.folder = temporaryFolder(t);
    this.certificate = join(this.folder, 'ca.pem');
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    openssl(this.folder, ...request, '-subj', `/CN=${name}`, '-keyout', 'ca.key', '-out', 'ca.pem');
  }

  /** A key and a certificate for that name, of which others learn by the CA's certificate. */
  issue(name: string): Required<Pick<TlsFiles, 'privateKey' | 'certificate' | 'caCertificate'>> {
    const file = name.replaceAll(/\W/g, '-');
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${file}.key`];
    openssl(this.folder, 'req', ...key, '-subj', `/CN=${name}`, '-out', `${file}.csr`);
    // A chain of two is only trusted where the second says that it is no authority.
    writeFileSync(join(this.folder, 'extensions'), 'basicConstraints=CA:FALSE\n');
    const sign = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'extensions'];
    openssl(this.folder, 'x509', '-req', '-in', `${file}.csr`, ...sign, '-out', `${file}.pem`);
    return {
      privateKey: join(this.folder, `${file}.key`),
      certificate: join(this.folder, `${file}.pem`),
      caCertificate: this.certificate,
    };
  }
}

/** The command line options, for a C program or ours. */
export const tlsArguments = ({ privateKey, certificate, caCertificate }: TlsFiles): string[] => [
  `--private-key=${privateKey}`,
  `--certificate=${certificate}`,
  `--ca-cert=${caCertificate}`,
];
