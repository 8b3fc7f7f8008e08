/**
 * What one provisioner leaves on an image, as it is known when a plan is made (provisioners/manifest.ts): root's, and
 * in a folder of root's. A folder that something is put into has no entry of its own for that.
 */
export type ProvisionedEntry = {
  /** Its name; `carry` for what the step of that name brings and unpacks. */
  readonly provisioner: string;
  /**
   * Absolute, as on the booted image, and not through a link (`/usr/lib`, not `/lib`). `*` stands for one name that is
   * not known; a path that ends with `/**` is of everything below the folder.
   */
  readonly path: string;
  readonly kind: 'file' | 'link' | 'folder';
  /** Permissions (0o7777); left out where another program decides them. */
  readonly mode?: number;
  /** Of a file whose content is known. */
  readonly sha256?: string;
  /** Of a link: what it holds. */
  readonly target?: string;
  /** How the content is judged that is not known. */
  readonly rule?: ProvisionedRule;
  /** What the rule compares with; each says below what that is. */
  readonly expected?: string;
  /** The program that makes it, as a person knows it, where it is not the provisioner itself. */
  readonly by?: string;
  /** It need not be there: whether it is depends on the base image, or on a package's version. */
  readonly isOptional?: true;
};

/**
 * What there is to check where no sha256 can be named:
 *
 * - `at-least`: the text is `expected`, where `>=N` stands for N or a higher number, `infinity` or `unlimited`.
 * - `docker-config`: JSON. Without `runtimes.nvidia` and `features.cdi` (and `runtimes` and `features`, when they are
 *   empty then) it is the JSON of `expected`. The runtime has no arguments, and its path is `nvidia-container-runtime`,
 *   alone or in /usr/bin; `cdi` is true.
 * - `image-record`: JSON (`ImageOnHost`). profile, planName, planDigest, sourceImage and substitutions are the plan's;
 *   versions has strings only.
 * - `installer-log`: each line that begins with a slash, or with a number, a colon, a blank and a slash, names a file
 *   or a link that the program put: below /usr or /etc, root's, writable by nobody else, without setuid. What it names,
 *   no package owns and nothing else explains, it explains. Of the file itself there is nothing more to check.
 * - `openpgp-key`: public keys in ASCII, of which the only primary one has the fingerprint `expected`.
 * - `package-file`: dpkg diverts a package's file from the path `expected` to here; the content is the package's.
 * - `plan-summary`: the text is what `planSummaryText` says of the plan (src/plan/plan-file.ts).
 * - `runtime-mode`: TOML in which the table [nvidia-container-runtime] has the mode `expected`.
 * - `security-updates`: JSON, a list of `{ name, from, to }`: each is a package that is installed in version `to`.
 * - `swap-file`: `expected` bytes long; a header that ends with SWAPSPACE2 at 4096, and nothing but zeros behind it.
 * - `tree`: files, folders and links, of root, writable by nobody else, without setuid; their content is not judged.
 */
export type ProvisionedRule =
  | 'at-least'
  | 'docker-config'
  | 'image-record'
  | 'installer-log'
  | 'openpgp-key'
  | 'package-file'
  | 'plan-summary'
  | 'runtime-mode'
  | 'security-updates'
  | 'swap-file'
  | 'tree';
