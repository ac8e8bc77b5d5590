/** Completion for three shells, made from the words of the command. The scripts run nothing: what they know is in them. */
import type { CommandWords, OptionWords, ValueWords } from './completion-words.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export const scripts: Readonly<Record<Shell, (commands: readonly CommandWords[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

function bashScript(commands: readonly CommandWords[]): string {
  const [program, ...others] = commands;
  const names = others.map(({ name }) => name);
  const taking = commands.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue));
  const valued = [...new Set(taking.map(({ name }) => name))];
  return [
    '# Completion of conclave for bash.',
    '_conclave() {',
    '  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= words= i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    case ${COMP_WORDS[i]} in',
    `      ${valued.join('|')}) ((i++)) ;;`,
    '      -*) ;;',
    '      *) command=${COMP_WORDS[i]}; break ;;',
    '    esac',
    '  done',
    '  case $command:$previous in',
    ...commands.flatMap((command) =>
      command.options.filter(({ takesValue }) => takesValue).map((option) => bashValue(command, option)),
    ),
    '  esac',
    '  case $command in',
    `    '') words='${[...names, 'help', ...optionNames(program)].join(' ')}' ;;`,
    ...others.map(
      (command) =>
        `    ${command.name}) words='${[...wordList(command.argument), ...optionNames(command)].join(' ')}' ;;`,
    ),
    `    help) words='${names.join(' ')}' ;;`,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -F _conclave conclave',
    '',
  ].join('\n');
}

/** After an option that takes a value. */
function bashValue({ name }: CommandWords, { name: option, value }: OptionWords): string {
  const reply = {
    words: `COMPREPLY=($(compgen -W '${wordList(value).join(' ')}' -- "$current"))`,
    path: 'COMPREPLY=($(compgen -f -- "$current"))',
    free: 'COMPREPLY=()',
  }[value.kind];
  return `    ${name}:${option}) ${reply}; return ;;`;
}

function zshScript(commands: readonly CommandWords[]): string {
  const [program, ...others] = commands;
  const described = others.map(({ name, description }) => `    '${name}:${zshText(description)}'`);
  return [
    '#compdef conclave',
    '# Completion of conclave for zsh.',
    '_conclave() {',
    '  local curcontext="$curcontext" state line',
    '  local -a commands=(',
    ...described,
    '  )',
    '  _arguments -C \\',
    ...(program?.options ?? []).map((option) => `    ${zshOption(option)} \\`),
    `    '1:command:->command' '*::word:->word'`,
    '  case $state in',
    '    command) _describe command commands ;;',
    '    word)',
    '      case $line[1] in',
    ...others.flatMap((command) => [
      `        ${command.name}) _arguments \\`,
      ...command.options.map((option) => `          ${zshOption(option)} \\`),
      `          '*:${command.name}:${zshAction(command.argument)}' ;;`,
    ]),
    '      esac ;;',
    '  esac',
    '}',
    'compdef _conclave conclave',
    '',
  ].join('\n');
}

function zshOption({ name, description, takesValue, value }: OptionWords): string {
  const after = takesValue ? `:${name.slice(2)}:${zshAction(value)}` : '';
  return `'*${name}[${zshText(description)}]${after}'`;
}

function zshAction(value: ValueWords): string {
  switch (value.kind) {
    case 'words':
      return `(${value.words.join(' ')})`;
    case 'path':
      return '_files';
    case 'free':
      return ' ';
  }
}

/** Within quotes, and where colons and brackets end a description. */
function zshText(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, '\\$&');
}

function fishScript(commands: readonly CommandWords[]): string {
  const [program, ...others] = commands;
  return [
    '# Completion of conclave for fish.',
    'complete -c conclave -f',
    ...(program?.options ?? []).map((option) => `complete -c conclave ${fishOption(option)}`),
    ...others.flatMap((command) => [
      `complete -c conclave -n __fish_use_subcommand -a ${command.name} -d ${fishText(command.description)}`,
      ...fishArgument(command),
      ...command.options.map((option) => `complete -c conclave ${under(command)} ${fishOption(option)}`),
    ]),
    '',
  ].join('\n');
}

function fishArgument(command: CommandWords): string[] {
  const words = wordList(command.argument);
  return words.length === 0 ? [] : [`complete -c conclave ${under(command)} -a '${words.join(' ')}'`];
}

function under({ name }: CommandWords): string {
  return `-n '__fish_seen_subcommand_from ${name}'`;
}

function fishOption({ name, description, takesValue, value }: OptionWords): string {
  const action =
    value.kind === 'path' ? ' -F' : value.kind === 'words' ? ` -a '${value.words.join(' ')}'` : '';
  return `-l ${name.slice(2)}${takesValue ? ` -r${action}` : ''} -d ${fishText(description)}`;
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function wordList(value: ValueWords): readonly string[] {
  return value.kind === 'words' ? value.words : [];
}

function optionNames(command: CommandWords | undefined): string[] {
  return command?.options.map(({ name }) => name) ?? [];
}
