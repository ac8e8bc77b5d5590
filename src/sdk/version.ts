/** The version of this package, as the micro service and the command show it. A test holds it to package.json. */
export const VERSION = '0.1.0';
