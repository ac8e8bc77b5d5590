/** What the agents of compose.yaml do: in place of this, mount your own. */
export const tasks = {
  echo: (task) => task.payload,
  sleep: ({ payload }, { signal }) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(null), Number(payload?.ms ?? 0));
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    }),
};

export const vote = () => 'approve';
