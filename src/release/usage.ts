import type { Pointer } from './pointer.ts';

export const USE_KINDS = [
  'pointer',
  'launch template',
  'launch configuration',
  'auto scaling group',
  'instance',
  'dev host',
] as const;

/** One thing that uses an image. */
export type Use = {
  readonly kind: (typeof USE_KINDS)[number];
  /** Its id, or its name where it has no other. */
  readonly id: string;
  /** For people: `web, version 3, $Default`. */
  readonly note: string;
};

export type TemplateVersion = {
  readonly templateId: string;
  readonly templateName: string;
  readonly version: number;
  readonly isDefault: boolean;
  /** As it stands there: an image id, `resolve:ssm:…`, or null for none. */
  readonly image: string | null;
};

/** Which version of a template a group launches from. */
export type TemplateChoice = {
  /** Of its id and its name, at least one. */
  readonly templateId: string | null;
  readonly templateName: string | null;
  /** `$Default`, `$Latest` or a number. */
  readonly version: string;
};

export type ScalingGroup = {
  readonly name: string;
  readonly configuration: string | null;
  readonly templates: readonly TemplateChoice[];
  /** Named by the group itself, in the overrides of its policy. */
  readonly images: readonly string[];
};

export type UsingInstance = {
  readonly instanceId: string;
  readonly imageId: string;
  readonly state: string;
  /** The name that its user gave it, where it is a dev host. */
  readonly devHost: string | null;
  /** The image that a dev host was made from. */
  readonly devSource: string | null;
};

/** All in a region that may use an image. */
export type UsageFacts = {
  readonly pointers: readonly Pointer[];
  /** Every version of every template. */
  readonly versions: readonly TemplateVersion[];
  /** What `resolve:ssm:…` means now, by that text. */
  readonly resolved: ReadonlyMap<string, string>;
  readonly configurations: readonly { readonly name: string; readonly imageId: string }[];
  readonly groups: readonly ScalingGroup[];
  readonly instances: readonly UsingInstance[];
};

export const RESOLVE = 'resolve:ssm:';

type Found = readonly [image: string, use: Use];

type Versions = {
  readonly all: readonly TemplateVersion[];
  readonly latest: ReadonlyMap<string, number>;
};

function versionsOf(all: readonly TemplateVersion[]): Versions {
  const latest = new Map<string, number>();
  for (const { templateId, version } of all) latest.set(templateId, Math.max(version, latest.get(templateId) ?? 0));
  return { all, latest };
}

function marksOf({ isDefault, templateId, version, image }: TemplateVersion, { latest }: Versions): string[] {
  return [
    `version ${version}`,
    ...(isDefault ? ['$Default'] : []),
    ...(latest.get(templateId) === version ? ['$Latest'] : []),
    ...(image?.startsWith(RESOLVE) === true ? [image] : []),
  ];
}

function ofTemplates(versions: Versions): Found[] {
  return versions.all.flatMap((each): Found[] => {
    const note = [each.templateName, ...marksOf(each, versions)].filter((part) => part !== '').join(', ');
    return each.image === null ? [] : [[each.image, { kind: 'launch template', id: each.templateId, note }]];
  });
}

function chosen({ templateId, templateName, version }: TemplateChoice, { all, latest }: Versions): TemplateVersion[] {
  return all.filter((each) => {
    if (templateId === null ? each.templateName !== templateName : each.templateId !== templateId) return false;
    if (version === '$Default' || version === '') return each.isDefault;
    return each.version === (version === '$Latest' ? latest.get(each.templateId) : Number(version));
  });
}

function ofGroups({ groups, configurations }: UsageFacts, versions: Versions): Found[] {
  return groups.flatMap(({ name, configuration, templates, images }): Found[] => {
    const use = (note: string): Use => ({ kind: 'auto scaling group', id: name, note });
    return [
      ...images.map((image): Found => [image, use('named by its policy')]),
      ...configurations
        .filter((each) => each.name === configuration)
        .map(({ imageId }): Found => [imageId, use(`launch configuration ${configuration}`)]),
      ...templates.flatMap((choice) =>
        chosen(choice, versions).flatMap((each): Found[] => {
          const note = `launch template ${each.templateId}, ${choice.version || '$Default'}`;
          return each.image === null ? [] : [[each.image, use(note)]];
        }),
      ),
    ];
  });
}

function ofInstances({ instances }: UsageFacts): Found[] {
  return instances.flatMap(({ instanceId, imageId, state, devHost, devSource }): Found[] => {
    const kind = devHost === null ? 'instance' : 'dev host';
    const note = devHost === null ? state : `${devHost}, ${state}`;
    return [...new Set([imageId, ...(devSource === null ? [] : [devSource])])].map((image) => [
      image,
      { kind, id: instanceId, note },
    ]);
  });
}

/** Pure: what uses each image of a region, by the image's id. What is used by nothing has no entry. */
export function usesOf(facts: UsageFacts): Map<string, Use[]> {
  const versions = versionsOf(facts.versions);
  const found: Found[] = [
    ...facts.pointers.map(({ profile, channel, imageId }): Found => {
      return [imageId, { kind: 'pointer', id: `${profile}/${channel}`, note: '' }];
    }),
    ...ofTemplates(versions),
    ...facts.configurations.map(({ name, imageId }): Found => {
      return [imageId, { kind: 'launch configuration', id: name, note: '' }];
    }),
    ...ofGroups(facts, versions),
    ...ofInstances(facts),
  ];
  const uses = new Map<string, Use[]>();
  for (const [text, use] of found) {
    const image = text.startsWith(RESOLVE) ? facts.resolved.get(text) : text;
    if (image === undefined) continue;
    const known = uses.get(image);
    if (known === undefined) uses.set(image, [use]);
    else known.push(use);
  }
  return uses;
}

/** `launch template lt-0123 (web, version 3, $Default)` */
export function useText({ kind, id, note }: Use): string {
  return `${kind} ${id}${note === '' ? '' : ` (${note})`}`;
}
