/**
 * Counts the SMS segments of a text while it is typed. The gateway counts sent texts in app/domain/segments.py; a test
 * checks that both agree.
 */

const BASIC = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const EXTENDED = new Set("\f^{}\\[~]|€");
const ROOM = { gsm7: [160, 153], ucs2: [70, 67] };

/** @returns {{encoding: "gsm7"|"ucs2", segments: number, left: number}} `left`: characters until the next segment */
export function measure(text) {
  const characters = [...text];
  const isBasic = characters.every((one) => BASIC.has(one) || EXTENDED.has(one));
  const encoding = isBasic ? "gsm7" : "ucs2";
  const widths = characters.map((one) => (isBasic ? (EXTENDED.has(one) ? 2 : 1) : one.length));
  const [single, multi] = ROOM[encoding];
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (total <= single) return { encoding, segments: 1, left: single - total };
  let segments = 1;
  let used = 0;
  for (const width of widths) {
    if (used + width > multi) {
      segments += 1;
      used = 0;
    }
    used += width;
  }
  return { encoding, segments, left: multi - used };
}
