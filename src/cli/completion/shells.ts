import type { Candidate } from './candidates.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

type ShellSupport = {
  /** What the user's shell reads at its start. */
  readonly script: string;
  /** The words on the line, as the table of verbs has them. */
  readonly words: (words: readonly string[]) => readonly string[];
  /** A candidate as the script takes it: one line. */
  readonly line: (candidate: Candidate) => string;
};

/**
 * The program is called as the user called it, by its name when that is no path of a program (`~/…` comes as it was
 * typed). What it has to say on stderr would stand in the middle of the user's line.
 */
const BASH = `# ecs-host completes its verbs, options and their values in bash.
#   ecs-host completion bash >> ~/.bashrc
_ecs_host() {
  local program=$1 line
  type -P -- "$program" >/dev/null || program=ecs-host
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <("$program" --complete bash "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _ecs_host ecs-host
`;

const ZSH = `#compdef ecs-host
# ecs-host completes its verbs, options and their values in zsh.
#   ecs-host completion zsh >> ~/.zshrc
_ecs_host() {
  local program=$words[1]
  local -a found
  whence -p -- "$program" >/dev/null || program=ecs-host
  found=("\${(@f)$("$program" --complete zsh "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then
    _describe ecs-host found
  else
    _files
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _ecs_host "$@"
else
  whence compdef >/dev/null || { autoload -Uz compinit && compinit; }
  compdef _ecs_host ecs-host
fi
`;

const FISH = `# ecs-host completes its verbs, options and their values in fish.
#   ecs-host completion fish > ~/.config/fish/completions/ecs-host.fish
function __ecs_host_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    type -fq -- $program; or set program ecs-host
    set -l found ($program --complete fish $words[2..-1] "$current" 2>/dev/null)
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c ecs-host -f -a '(__ecs_host_complete)'
`;

/** bash breaks `--region=lo` into three words. */
function joinedAtEquals(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [at, word] of words.entries()) {
    const isGlued = at > 0 && joined.at(-1)?.startsWith('--') === true && (word === '=' || words[at - 1] === '=');
    if (isGlued) joined.push(`${joined.pop() ?? ''}${word}`);
    else joined.push(word);
  }
  return joined;
}

export const SUPPORT: Readonly<Record<Shell, ShellSupport>> = {
  bash: {
    script: BASH,
    words: joinedAtEquals,
    // What stands before the equals sign is a word of its own, which stays.
    line: ({ value }) => value.replace(/^--[\w-]+=/, ''),
  },
  zsh: {
    script: ZSH,
    words: (words) => words,
    line: ({ value, says }) => value.replaceAll(':', '\\:') + (says === '' ? '' : `:${says}`),
  },
  fish: {
    script: FISH,
    words: (words) => words,
    line: ({ value, says }) => value + (says === '' ? '' : `\t${says}`),
  },
};

/** The shell that `$SHELL` names, or null when it is none that is known here. */
export function shellOf(path: string | undefined): Shell | null {
  const name = path?.split('/').at(-1);
  return SHELLS.find((shell) => shell === name) ?? null;
}
