const BOUNDARY = 'ecs-host-part-6a1f';

/**
 * Pure: several documents of cloud-config as one user data. cloud-init takes each as if it were alone, and puts their
 * keys together; each arrives byte for byte as it is given.
 */
export function joinParts(parts: readonly string[]): string {
  const head = `Content-Type: multipart/mixed; boundary="${BOUNDARY}"\nMIME-Version: 1.0\n\n`;
  const partHead = 'Content-Type: text/cloud-config; charset="utf-8"\nContent-Transfer-Encoding: 8bit\n\n';
  return `${head}${parts.map((part) => `--${BOUNDARY}\n${partHead}${part}\n`).join('')}--${BOUNDARY}--\n`;
}
