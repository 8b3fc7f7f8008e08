import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { between, formatted } from '../generated-text.ts';
import { projectFolder } from '../setup-lib/paths.mjs';

/** The index in docs/decisions/README.md, from the title and the second line of each record. */
const FOLDER = 'docs/decisions';

export type DecisionRecord = {
  readonly file: string;
  readonly number: string;
  readonly title: string;
  readonly date: string;
  /** `accepted`, or what became of it since, with the numbers of other records. */
  readonly status: string;
};

const TITLE = /^# (\d{4}) (\S.*)$/;
const LINE = /^Date: (\d{4}-\d{2}-\d{2})\. Status: (.+)\.$/;
const STATUS = /^(?:accepted|(?:superseded|amended) by \d{4}(?:, \d{4})*)$/;
const STATUSES = '`accepted`, `amended by NNNN` or `superseded by NNNN`';

/**
 * @param file its name in the folder
 * @throws Error that names the file, and says how its head should look
 */
export function parseDecision(file: string, text: string): DecisionRecord {
  const [head = '', blank, line = ''] = text.split('\n');
  const [, number = '', title = ''] = TITLE.exec(head) ?? [];
  if (number === '' || !file.startsWith(`${number}-`))
    throw new Error(`${FOLDER}/${file}: the first line should be "# NNNN Title", with the number of the file's name`);
  const [, date = '', status = ''] = LINE.exec(line) ?? [];
  if (blank !== '' || date === '')
    throw new Error(`${FOLDER}/${file}: the third line should be "Date: YYYY-MM-DD. Status: accepted."`);
  if (!STATUS.test(status))
    throw new Error(`${FOLDER}/${file}: the status "${status}" is not known; it is ${STATUSES}`);
  return { file, number, title, date, status };
}

/** @throws Error when two records share a number, or a status names one that there is not */
export function decisionTable(records: readonly DecisionRecord[]): string {
  const files = new Map(records.map(({ number, file }) => [number, file]));
  if (files.size < records.length) throw new Error(`${FOLDER}: two records have the same number`);
  const linked = (record: DecisionRecord): string =>
    record.status.replace(/\d{4}/g, (number) => {
      const file = files.get(number);
      if (file === undefined) throw new Error(`${FOLDER}/${record.file}: there is no record ${number}`);
      return `[${number}](${file})`;
    });
  return [
    '| Number | Title | Status | Date |',
    '| --- | --- | --- | --- |',
    ...records.map(
      (record) => `| [${record.number}](${record.file}) | ${record.title} | ${linked(record)} | ${record.date} |`,
    ),
  ].join('\n');
}

export default async (): Promise<{ path: string; text: string }[]> => {
  const folder = join(projectFolder(), FOLDER);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.md') && name !== 'README.md').toSorted();
  const records = await Promise.all(
    names.map(async (name) => parseDecision(name, await readFile(join(folder, name), 'utf8'))),
  );
  const path = `${FOLDER}/README.md`;
  const readme = await readFile(join(projectFolder(), path), 'utf8');
  return [{ path, text: await formatted(path, between(readme, 'index', FOLDER, decisionTable(records))) }];
};
