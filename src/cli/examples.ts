/** How each command is called, in its help: one table, so that none is without. */

/** By the command's name; a line each, after which a remark may stand. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  up: ['conclave up --agents 5 --dir ./fleet'],
  agent: [
    'conclave agent --id scanner_1 --module ./handlers.js --capability scanning --slots 4',
    "conclave agent --id scanner_2 --run 'scan=./scan.sh --fast' --capability scanning",
  ],
  serve: ['conclave serve --servers nats://10.0.0.5:4222 --host 0.0.0.0 --tokens tokens.json'],
  token: ['conclave token --name grace --scope read --scope operate'],
  submit: [
    'conclave submit scan --target 192.168.1.100 --priority 9 --payload \'{"depth":2}\' --wait',
    'conclave submit scan --capability scanning --key nightly --payload @scan.json',
  ],
  tasks: ['conclave tasks --status failed --type scan --newest'],
  task: ['conclave task 01M8343JPDZWZFWX0000000000'],
  explain: ['conclave explain 01M8343JPDZWZFWX0000000000'],
  cancel: ['conclave cancel 01M8343JPDZWZFWX0000000000'],
  retry: ['conclave retry 01M8343JPDZWZFWX0000000000'],
  propose: [
    'conclave propose policy_change --data \'{"threshold":0.95}\' --wait',
    'conclave propose release --voter grace --quorum 1 --timeout 60000',
  ],
  vote: ["conclave vote 01M8343JPDZWZFWX0000000000 approve --as grace --reason 'looks right'"],
  proposals: ['conclave proposals --status rejected --newest'],
  proposal: ['conclave proposal 01M8343JPDZWZFWX0000000000'],
  status: ['conclave status --fleet night', 'conclave status --json | jq .health'],
  agents: ['conclave agents --state alive --capability scanning'],
  elect: ['conclave elect'],
  drain: ['conclave drain agent_3'],
  resume: ['conclave resume agent_3'],
  remove: ['conclave remove agent_3'],
  events: [
    "conclave events 'task.*' --type scan --agent agent_3",
    'conclave events task.failed agent.died leader.elected --json',
  ],
  doctor: ['conclave doctor --servers nats://10.0.0.5:4222'],
  replay: [
    'conclave replay --at 1200                       how the fleet stood after entry 1200',
    'conclave replay --until 2026-03-01T12:00:00Z --task ID    one task, as it was at noon',
    'conclave replay --entries 1190..1200            what these entries say, an event a line',
    'conclave replay --entries .. --task ID          all that happened to one task',
  ],
  verify: ['conclave verify --fleet night'],
  decode: ["nats sub '_conclave.default.inbox.agent_3' --translate 'conclave decode'"],
  graph: ['conclave graph task', 'conclave graph --dir ./charts'],
  config: ['conclave config --all', 'conclave config --check conclave.yaml'],
  completion: [
    'source <(conclave completion bash)              in ~/.bashrc',
    'source <(conclave completion zsh)               in ~/.zshrc, after compinit',
    'conclave completion fish | source               in ~/.config/fish/config.fish',
  ],
};

export function exampleText(command: string): string {
  const lines = examples[command] ?? [];
  return `\n${lines.length === 1 ? 'Example:' : 'Examples:'}\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
