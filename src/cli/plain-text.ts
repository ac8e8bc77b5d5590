/**
 * Text that others wrote (targets, notes, errors, descriptions, labels) as a terminal may have it: what would move its
 * cursor, set its title or turn the direction of writing is shown as what it is. Our own colours stay.
 */

/** What picocolors writes for the colours in use: bold, dim, red, green, yellow, and their ends. */
const ownColor = '\\u001b\\[(?:1|2|22|31|32|33|39)m';
/** C0 but tab and line feed, delete, C1, and the controls of direction. */
const control = '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]';
const withColors = new RegExp(`${ownColor}|${control}`, 'g');
const withoutColors = new RegExp(control, 'g');
const lineBreaks = /[\n\u0085\u2028\u2029]+/g;

export function plainText(text: string, hasColors: boolean): string {
  return text.replaceAll(hasColors ? withColors : withoutColors, (found) =>
    found.length > 1 ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The same on one line: nobody writes a line of a table but the table. */
export function plainLine(text: string, hasColors: boolean): string {
  return plainText(text.replaceAll(lineBreaks, ' '), hasColors);
}
