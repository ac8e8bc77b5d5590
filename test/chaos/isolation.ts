/**
 * How a run gets namespaces of its own: network, mounts and processes. What is made in them is gone with their first
 * process, however that ends. Root may simply have them; others may where the kernel lets users make namespaces.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export type Isolation =
  /** The words that start a program in such namespaces. */
  | { readonly kind: 'namespaces'; readonly within: readonly [string, ...string[]] }
  | { readonly kind: 'loopback'; readonly why: string };

const own = ['--net', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];
const ways: readonly (readonly [string, ...string[]])[] = [
  ['unshare', ...own],
  ['unshare', '--user', '--map-root-user', ...own],
];

/** What ground.ts is about to do. */
const trial = [
  'mount -t tmpfs tmpfs /run',
  'ip netns add trial',
  'ip link add hub type bridge',
  'ip link add cable type veth peer name eth0 netns trial',
  'nsenter --net=/run/netns/trial ip route add blackhole 10.77.0.9/32',
].join(' && ');

export async function findIsolation(): Promise<Isolation> {
  let why = '';
  for (const within of ways) {
    const [program, ...words] = within;
    try {
      await promisify(execFile)(program, [...words, 'sh', '-c', trial], { timeout: 20_000 });
      return { kind: 'namespaces', within };
    } catch (error) {
      const { stderr = '', message } = error as Error & { readonly stderr?: string };
      why = (stderr.trim().split('\n').at(-1) ?? '') || message;
    }
  }
  return { kind: 'loopback', why };
}
