/**
 * Placement as SPEC T3 says it, slow and obvious: for every single choice look at all waiting tasks and all agents.
 * Knows nothing of classes, queues or heaps.
 */
import type { PlacementOptions, Placed } from '../../src/domain/placement.ts';
import type { AgentId } from '../../src/domain/ids.ts';
import type { FleetState, Member, Task } from '../../src/domain/state.ts';

export class PlacementTwin {
  readonly #state: FleetState;
  readonly #options: PlacementOptions;
  /** When each agent was last given something: among equals the one that waits longest is next. */
  readonly #turns = new Map<AgentId, number>();
  #turn = 0;

  constructor(state: FleetState, options: PlacementOptions) {
    this.#state = state;
    this.#options = options;
  }

  /** Whoever is not in the fleet any more is new when it comes back. */
  observe(): void {
    for (const id of this.#turns.keys()) if (!this.#state.members.has(id)) this.#turns.delete(id);
  }

  place(limit: number, assign: (placed: Placed) => void): number {
    for (let placed = 0; placed < limit; placed++) {
      const choice = this.choose();
      if (choice === null) return placed;
      this.#turn += 1;
      this.#turns.set(choice.agent, this.#turn);
      assign(choice);
    }
    return limit;
  }

  /** The best task that anybody can take now, and who takes it. */
  choose(): Placed | null {
    for (const task of this.waiting()) {
      const agent = this.#takersOf(task).sort((a, b) => this.#compare(a, b))[0];
      if (agent !== undefined) return { id: task.spec.id, agent: agent.id, attempt: task.attempt + 1 };
    }
    return null;
  }

  /** By priority, then age. */
  waiting(): Task[] {
    return [...this.#state.tasks.values()]
      .filter((task) => task.status === 'pending')
      .sort((a, b) => b.spec.priority - a.spec.priority || a.ordinal - b.ordinal);
  }

  loadOf(member: Member): number {
    const assigned = (member.held.size + member.lingering.size) / member.profile.slots;
    return Math.max(this.#options.loadOf(member.id), assigned);
  }

  #takersOf(task: Task): Member[] {
    const { type, requiredCapabilities } = task.spec;
    return [...this.#state.members.values()].filter((member) => {
      const { handles, capabilities, slots } = member.profile;
      const isCapable =
        (handles.includes(type) || handles.includes('*')) &&
        requiredCapabilities.every((capability) => capabilities.includes(capability));
      const hasRoom = member.held.size + member.lingering.size < slots;
      return isCapable && hasRoom && member.status === 'alive' && this.#options.isEligible(member.id);
    });
  }

  #compare(a: Member, b: Member): number {
    const turn = (member: Member): number => this.#turns.get(member.id) ?? 0;
    return this.loadOf(a) - this.loadOf(b) || turn(a) - turn(b) || (a.id < b.id ? -1 : 1);
  }
}
