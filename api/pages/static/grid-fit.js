/** How tiles fill the room best; pure. */

export const PICTURE_RATIO = 16 / 9;
const STRIP_SHARE = 0.15;
const STRIP_LEAST_PX = 172;
const SCROLLBAR_PX = 10;

/**
 * One large tile and a strip of the others: at the side or below, whichever makes the large one larger.
 * @param {number} width_px room
 * @param {number} height_px room
 * @param {number} caption_px height of a tile that is not picture
 * @param {number} gap_px between tiles
 * @returns {{side: "right" | "bottom", large_px: number, strip_px: number}} widths of the large tile and of one in the strip
 */
export function fitFocus(width_px, height_px, caption_px, gap_px) {
  const strip_px = Math.max(STRIP_LEAST_PX, Math.round(Math.min(width_px, height_px * PICTURE_RATIO) * STRIP_SHARE));
  const stripHeight_px = strip_px / PICTURE_RATIO + caption_px;
  const beside_px = Math.min(width_px - strip_px - gap_px, (height_px - caption_px) * PICTURE_RATIO);
  const above_px = Math.min(width_px, (height_px - stripHeight_px - gap_px - SCROLLBAR_PX - caption_px) * PICTURE_RATIO);
  return beside_px >= above_px ? { side: "right", large_px: Math.floor(beside_px), strip_px } : { side: "bottom", large_px: Math.floor(above_px), strip_px };
}

/**
 * How many columns make the tiles largest.
 * @param {number} count tiles
 * @param {number} width_px room
 * @param {number} height_px room
 * @param {number} caption_px height of a tile that is not picture
 * @param {number} gap_px between tiles
 * @returns {{columns: number, tileWidth_px: number}}
 */
export function fitGrid(count, width_px, height_px, caption_px, gap_px) {
  let best = { columns: 1, tileWidth_px: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const byWidth_px = (width_px - gap_px * (columns - 1)) / columns;
    const byHeight_px = ((height_px - gap_px * (rows - 1)) / rows - caption_px) * PICTURE_RATIO;
    const tileWidth_px = Math.floor(Math.min(byWidth_px, byHeight_px));
    if (tileWidth_px > best.tileWidth_px) best = { columns, tileWidth_px };
  }
  return best;
}
