/** Where the API is, if nobody says otherwise. On its own, for a command line that loads no server. */
export const DEFAULT_HTTP_PORT = 8_200;
export const DEFAULT_HTTP_HOST = '127.0.0.1';
