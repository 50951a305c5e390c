// Lines on a canvas: smooth ones, and many of them quickly.

// Returns the canvas' pen, for a cleared canvas of a size in px.
function clearedPen(canvas, width, height, density = Math.min(2, devicePixelRatio || 1)) {
  canvas.width = width * density;
  canvas.height = height * density;
  // Otherwise browsers give lines to the GPU, which takes a minute where there is none and one is imitated.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.setTransform(density, 0, 0, density, 0, 0);
  context.lineJoin = "round";
  return context;
}

// Draws lines one above the other. Neighbours of one colour are drawn at once, which is several times as fast.
function strokeLines(context, axes, heights, hues, alpha) {
  context.globalAlpha = alpha;
  let start = 0;
  for (let k = 1; k <= hues.length; k++) {
    if (k < hues.length && hues[k] === hues[start] && k - start < 16) continue;
    context.strokeStyle = hues[start];
    strokePath(context, axes, heights, start, k);
    start = k;
  }
}

function strokePath(context, axes, heights, start, end) {
  context.beginPath();
  for (let k = start; k < end; k++) {
    context.moveTo(axes[0].x - (axes.length > 1 ? 0 : 20), heights[0][k]);
    for (let a = 0; a < axes.length; a++) context.lineTo(axes[a].x, heights[a][k]);
  }
  context.stroke();
}

// Draws lines one above the other without smooth edges: of thousands nobody sees those, and they take most of the time.
function fillLines(context, axes, heights, hues, alpha) {
  const image = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  const pixels = { words: new Uint32Array(image.data.buffer), width: image.width };
  if (pixels.words[0] === 0) pixels.words.fill(wordOf(colours().surface));
  const words = new Map([...new Set(hues)].map((hue) => [hue, wordOf(hue)]));
  const share = Math.round(alpha * 256);
  for (let k = 0; k < hues.length; k++) {
    const word = words.get(hues[k]);
    for (let a = 1; a < axes.length; a++) fillLine(pixels, axes[a - 1].x, heights[a - 1][k], axes[a].x, heights[a][k], word, share);
  }
  context.putImageData(image, 0, 0);
}

// Returns a colour "rgb(1, 2, 3)" as a pixel: its bytes are red, green, blue and opacity.
function wordOf(colour) {
  const [red, green, blue] = colour.match(/\d+/g).map(Number);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

// Mixes a share (of 256) of a colour into the pixels of a line; red and blue are mixed in one multiplication.
function fillLine({ words, width }, fromX, fromY, toX, toY, word, share) {
  const [redBlue, green] = [word & 0xff00ff, word & 0x00ff00];
  const count = Math.max(1, Math.round(Math.max(toX - fromX, Math.abs(toY - fromY))));
  const [stepX, stepY] = [(toX - fromX) / count, (toY - fromY) / count];
  let [x, y] = [fromX + 0.5, fromY + 0.5];
  for (let k = 0; k < count; k++) {
    const at = (y | 0) * width + (x | 0);
    const [oldRedBlue, oldGreen] = [words[at] & 0xff00ff, words[at] & 0x00ff00];
    const mixed = (oldRedBlue + (Math.imul(redBlue - oldRedBlue, share) >>> 8)) & 0xff00ff;
    words[at] = 0xff000000 | mixed | ((oldGreen + (Math.imul(green - oldGreen, share) >>> 8)) & 0x00ff00);
    x += stepX;
    y += stepY;
  }
}
