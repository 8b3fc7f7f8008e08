import { Document, isMap, isScalar, type YAMLMap } from 'yaml';
import { pointerOf } from './unusable.ts';

type Origins = ReadonlyMap<string, string>;

function keysOf(map: YAMLMap, path: readonly string[]): { path: string[]; key: unknown; value: unknown }[] {
  return map.items.map(({ key, value }) => ({ path: [...path, String(isScalar(key) ? key.value : key)], key, value }));
}

/** Where all of a value comes from, or undefined when it comes from several. */
function soleOrigin(value: unknown, path: readonly string[], origins: Origins): string | undefined {
  const origin = origins.get(pointerOf(path));
  const isWhole = !isMap(value) || keysOf(value, path).every((at) => soleOrigin(at.value, at.path, origins) === origin);
  return isWhole ? origin : undefined;
}

/** Says behind each value that comes from another profile from which; a mapping that comes whole says it once. */
function mark(map: YAMLMap, path: readonly string[], origins: Origins): void {
  for (const at of keysOf(map, path)) {
    const origin = soleOrigin(at.value, at.path, origins);
    if (origin === undefined && isMap(at.value)) mark(at.value, at.path, origins);
    else if (origin !== undefined && isScalar(at.value)) at.value.comment = ` ${origin}`;
    else if (origin !== undefined && isScalar(at.key)) at.key.comment = ` ${origin}`;
  }
}

/** Lines of YAML: the whole of a profile, each value that it is only `like` with where it comes from. Pure. */
export function showProfile(name: string, profile: unknown, origins: Origins): string[] {
  const document = new Document({ [name]: profile }, { aliasDuplicateObjects: false });
  if (isMap(document.contents)) mark(document.contents, ['profiles'], origins);
  return document.toString({ lineWidth: 0 }).trimEnd().split('\n');
}
