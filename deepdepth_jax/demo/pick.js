// The body of a function that Gradio calls with `element`, `trigger` and `watch`: marks
// the pixel that is clicked in all images, and sends it to Python as the event 'pick'.
let pixel = null;

function pick(image, column, row) {
  // Another image is being predicted, and takes the place of this one.
  if (element.closest("[data-busy]")) return;
  const inside = (value, count) => Math.min(Math.max(value, 0), count - 1);
  pixel = {
    column: inside(column, image.naturalWidth),
    row: inside(row, image.naturalHeight),
  };
  element.style.setProperty("--x", (pixel.column + 0.5) / image.naturalWidth);
  element.style.setProperty("--y", (pixel.row + 0.5) / image.naturalHeight);
  element.classList.add("picked");
  trigger("pick", pixel);
}

element.addEventListener("click", (event) => {
  const image = event.target.closest(".pixels")?.querySelector("img");
  if (!image) return;
  const box = image.getBoundingClientRect();
  const across = (event.clientX - box.left) / box.width;
  const down = (event.clientY - box.top) / box.height;
  pick(
    image,
    Math.floor(across * image.naturalWidth),
    Math.floor(down * image.naturalHeight),
  );
});

const STEPS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

element.addEventListener("keydown", (event) => {
  const image = event.target.closest(".pixels")?.querySelector("img");
  const step = STEPS[event.key];
  if (!image || !step) return;
  event.preventDefault();
  const from = pixel ?? { column: image.naturalWidth >> 1, row: image.naturalHeight >> 1 };
  pick(image, from.column + step[0], from.row + step[1]);
});

watch("value", () => {
  pixel = null;
  element.classList.remove("picked");
});
