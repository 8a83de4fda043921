// Colour scales that people who do not tell red from green can read: cividis, and blue to orange.
const CIVIDIS = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115],
  [138, 134, 120], [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56],
];
const DIVERGING = [[1, 92, 148], [86, 160, 209], [190, 214, 231], [245, 245, 245], [248, 212, 160], [222, 143, 5], [150, 82, 0]];

function between(scale, share) {
  const place = Math.min(1, Math.max(0, share)) * (scale.length - 1);
  const at = Math.min(scale.length - 2, Math.floor(place));
  return scale[at].map((low, i) => Math.round(low + (scale[at + 1][i] - low) * (place - at)));
}

/** Colour of a value on a scale from `low` to `high`, and that of a text on it, which contrasts most. */
export function coloured(value, low, high, both = false) {
  const share = high > low ? (value - low) / (high - low) : 0;
  const colour = between(both ? DIVERGING : CIVIDIS, share);
  return { fill: `rgb(${colour.join(",")})`, text: luminance(colour) > 0.211 ? "#1d2126" : "#ffffff" };
}

/** Relative luminance of an sRGB colour (WCAG 2). */
function luminance(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export const COMPONENT_COLOURS = {
  self_attention: "var(--self-attention)",
  cross_attention: "var(--cross-attention)",
  mlp: "var(--mlp)",
  residual: "var(--residual)",
};
