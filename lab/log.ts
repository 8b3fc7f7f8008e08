/**
 * Lines with their time. A log that cannot be written (its disk is full) is not worth the work that it tells of: the
 * daemon goes on, and takes down what it made when it cannot.
 */
export function createLog(out: NodeJS.WritableStream): (line: string) => void {
  out.on('error', () => {});
  return (line) => {
    try {
      out.write(`${new Date().toISOString()} ${line}\n`);
    } catch {
      // A stream over a file writes at once, and throws.
    }
  };
}
