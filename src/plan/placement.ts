/** Where an instance may be launched. */
export type Placement = {
  readonly instanceType: string;
  readonly zone: string;
  readonly subnetId: string;
  /** Whether an instance gets a public address there. */
  readonly public: boolean;
  /** How what runs there reaches the world, in words. */
  readonly reason: string;
};

/** What was looked at and left out. */
export type LeftOut = {
  /** null for every type. */
  readonly instanceType: string | null;
  readonly zone: string;
  readonly subnetId: string;
  readonly reason: string;
};

export type Choice = { readonly placements: readonly Placement[]; readonly considered: readonly LeftOut[] };
