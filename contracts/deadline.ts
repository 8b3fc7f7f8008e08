/**
 * The timer by which an instance ends itself, whatever became of whoever launched it. It is transient (below /run), so
 * that no image can carry it; each kind has its own name, so that one can be looked for on the other.
 */
export function deadlineUnit(kind: 'build' | 'smoke'): string {
  return `ecs-host-${kind}-deadline`;
}
