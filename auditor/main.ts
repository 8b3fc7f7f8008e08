/**
 * The auditor: `node audit.mjs < request.json > output.ndjson.gz`, as root, beside the disk that it reads. What it
 * prints is said in contracts/audit.ts. When it cannot, it says why in one line on stderr, and exits with 1.
 */
import { text } from 'node:stream/consumers';
import { isMainThread } from 'node:worker_threads';
import type { ManifestRequest, ScanRequest } from '#contracts/audit.ts';
import { firstLine, reasonOf } from '#contracts/reason.ts';
import { Lines } from './lines.ts';
import { writeManifest } from './manifest.ts';
import { openDisk } from './opened.ts';
import { parseRequest } from './request.ts';
import { writeScan, writeTextScan } from './scan.ts';
import { serveWork } from './work.ts';
import { Workers } from './workers.ts';

async function auditDisk(request: ManifestRequest | ScanRequest, lines: Lines): Promise<void> {
  const opened = openDisk(request.disk);
  const workers = new Workers(new URL(import.meta.url), opened.disk.path);
  if (request.action === 'manifest') await writeManifest(request, opened, workers, lines);
  else await writeScan(request, opened, workers, lines);
  await workers.close();
}

async function audit(): Promise<void> {
  const request = parseRequest(await text(process.stdin));
  const lines = new Lines(process.stdout);
  if (request.action === 'text') await writeTextScan(request, lines);
  else await auditDisk(request, lines);
  await lines.end();
}

if (isMainThread) {
  try {
    await audit();
  } catch (error) {
    process.stderr.write(`${firstLine(reasonOf(error))}\n`);
    // Not only the code: workers may still be reading.
    process.exit(1);
  }
} else {
  serveWork();
}
