type Results<Works extends readonly unknown[]> = { -readonly [At in keyof Works]: Awaited<Works[At]> };

/**
 * The results of works that run side by side, like Promise.all; but the first reason is thrown only after everything
 * has ended, so that nothing works on while its things are released, and nothing is made that nobody knows of.
 */
export async function allEnded<const Works extends readonly unknown[]>(works: Works): Promise<Results<Works>> {
  await Promise.allSettled(works);
  return (await Promise.all(works)) as Results<Works>;
}
