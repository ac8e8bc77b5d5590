/** What can be completed: the commands of a program, their options, and the words that these take, read from its tree. */
import type { Argument, Command, Option } from 'commander';
import { choicesOf } from './values.ts';

export interface OptionWords {
  /** With its dashes. */
  readonly name: string;
  readonly description: string;
  /** A word follows. */
  readonly takesValue: boolean;
  readonly value: ValueWords;
}

/** What may stand there: one of some words, a path, or what nobody can guess. */
export type ValueWords =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'path' }
  | { readonly kind: 'free' };

export interface CommandWords {
  /** Empty for the program itself. */
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** Of its first argument. */
  readonly argument: ValueWords;
}

/** The program first. */
export function commandWords(program: Command): readonly CommandWords[] {
  return [wordsOf(program, ''), ...program.commands.map((command) => wordsOf(command, command.name()))];
}

function wordsOf(command: Command, name: string): CommandWords {
  const argument = command.registeredArguments[0];
  return {
    name,
    description: command.description(),
    options: [
      ...command.options.filter(({ long }) => long !== undefined && !internal.has(long)).map(optionOf),
      help,
    ],
    argument: argument === undefined ? { kind: 'free' } : valueOf(argument.name(), argument),
  };
}

/** What `conclave up` says to its own agents. Other hidden ones, like those of logging in, are for people too. */
const internal: ReadonlySet<string> = new Set(['--demo', '--own-server']);

const help: OptionWords = {
  name: '--help',
  description: 'show the help',
  takesValue: false,
  value: { kind: 'free' },
};

function optionOf(option: Option): OptionWords {
  const placeholder = /<(.*)>/.exec(option.flags)?.[1] ?? '';
  return {
    name: option.long ?? '',
    description: option.description.replace(/ \(.*$/, ''),
    takesValue: option.required,
    value: valueOf(placeholder, option),
  };
}

function valueOf(placeholder: string, of: Option | Argument): ValueWords {
  const words = of.argChoices ?? choicesOf(of.parseArg);
  if (words !== undefined) return { kind: 'words', words };
  return ['file', 'folder'].includes(placeholder) ? { kind: 'path' } : { kind: 'free' };
}
