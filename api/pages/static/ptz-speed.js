/** From where the pointer is to how fast the camera moves; pure. */

const DEAD_PX = 8;
const FULL_SHARE = 0.32;
const CURVE = 1.6;
const STEP = 0.01;

/**
 * @param {number} dx_px pointer right of the press point
 * @param {number} dy_px pointer below the press point
 * @param {number} size_px the shorter side of the picture: FULL_SHARE of it is full speed
 * @returns {{pan: number, tilt: number, share: number}} pan right, tilt up, -1..1; share 0..1 of full speed
 */
export function dragSpeed(dx_px, dy_px, size_px) {
  const distance_px = Math.hypot(dx_px, dy_px);
  if (distance_px <= DEAD_PX) return { pan: 0, tilt: 0, share: 0 };
  const share = Math.min(1, (distance_px - DEAD_PX) / (size_px * FULL_SHARE - DEAD_PX)) ** CURVE;
  return {
    pan: rounded((share * dx_px) / distance_px),
    tilt: rounded((-share * dy_px) / distance_px),
    share,
  };
}

function rounded(value) {
  return Math.round(value / STEP) * STEP || 0;
}
