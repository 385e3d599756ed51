/** A quick, even hash of a text, for hash rings and tables; it keeps no secret and stops no attacker. */

/** FNV-1a over the low and high bytes of the UTF-16 units, then mixed so that every bit of the result depends on every unit. 0 to 2^32 - 1; never changes. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    h = Math.imul(h ^ (unit & 0xff), 0x01000193);
    if (unit > 0xff) h = Math.imul(h ^ (unit >>> 8), 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
