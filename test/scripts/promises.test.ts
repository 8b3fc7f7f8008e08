import { expect, test } from 'vitest';
import { isNode, type Lang, langOf, type Node, nodesOf, parse, sources, textOf } from '../support/syntax.ts';

/** Biome's noFloatingPromises knows what our own functions return, but not what Node's and a package's do. */
const PROMISE_MODULES = /^(node:.+\/promises|execa)$/;

function importedNames(tree: Node): Set<string> {
  const names = new Set<string>();
  for (const node of nodesOf(tree)) {
    if (node.type !== 'ImportDeclaration' || !PROMISE_MODULES.test((node['source'] as { value: string }).value))
      continue;
    for (const { local } of node['specifiers'] as { local: { name: string } }[]) names.add(local.name);
  }
  return names;
}

/** `ec2.send(new …Command(…))` */
function isSend({ callee, arguments: given }: Node): boolean {
  const isMethod = isNode(callee) && isNode(callee['property']) && callee['property']['name'] === 'send';
  return isMethod && (given as Node[])[0]?.type === 'NewExpression';
}

/** Lines with a promise that nobody waits for, and whose failure nobody handles. */
function floating(source: string, lang: Lang): number[] {
  const tree = parse(source, lang);
  const names = importedNames(tree);
  const floats = (call: unknown): boolean => {
    if (!isNode(call) || call.type !== 'CallExpression') return false;
    const { callee } = call;
    if (!isNode(callee)) return false;
    if (callee.type === 'Identifier') return names.has(String(callee['name']));
    if (isSend(call)) return true;
    const method = isNode(callee['property']) ? callee['property']['name'] : undefined;
    return (method === 'then' || method === 'finally') && floats(callee['object']);
  };
  return [...nodesOf(tree)]
    .filter((node) => node.type === 'ExpressionStatement' && floats(node['expression']))
    .map(({ start }) => source.slice(0, start).split('\n').length);
}

test("a promise of Node's or of a package that floats is found", () => {
  const source = `import { rm } from 'node:fs/promises';
    import { execa } from 'execa';
    rm('floats');
    execa('floats').then(() => 1);
    ec2.send(new DeleteVpcCommand({}));
    await rm('x');
    void rm('x');
    rm('x').catch(() => undefined);
    socket.send('x');
    export function removed() { return rm('x'); }`;
  expect(floating(source, 'ts')).toEqual([3, 4, 5]);
});

test('none does', () => {
  const found = sources().flatMap((path) => floating(textOf(path), langOf(path)).map((line) => `${path}:${line}`));
  expect(found).toEqual([]);
});
