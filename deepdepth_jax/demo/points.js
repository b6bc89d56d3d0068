// The body of a function that Gradio calls with `element`, `props` and `watch`: draws the
// points of a PLY file and turns them. `props.value` is null, or has the file (`ply`, in
// base64) and of the image, in pixels, `focal_px`, `width_px` and `height_px`.
const canvas = element.querySelector("canvas");
const note = element.querySelector("p");
const gl = canvas.getContext("webgl");
const HOME = { yaw: -0.25, pitch: 0.08, distance: 0.9 };
const TURN_MS = 2500;
const BYTES_OF_POINT = 15; // three floats and three bytes
let cloud = null;
let view = { ...HOME };
let turningSince = null;

// A point is larger than the pixel that it was, so that surfaces that were seen at a slant,
// such as roads, stay closed from where they are seen now.
const VERTEX = `
attribute vec3 position;
attribute vec3 colour;
uniform vec3 pivot;
uniform mat3 turn;
uniform float distance, near, focalOfCanvas, sizeOfPixel;
uniform vec2 size;
varying vec3 shown;
void main() {
  vec3 seen = turn * (position - pivot) + vec3(0.0, 0.0, distance);
  vec2 place = 2.0 * focalOfCanvas * seen.xy / size;
  gl_Position = vec4(place.x, -place.y, seen.z - 2.0 * near, seen.z);
  float pixels = sizeOfPixel * position.z * focalOfCanvas / max(seen.z, near);
  gl_PointSize = clamp(3.0 * pixels, 1.5, 64.0);
  shown = colour;
}`;
const FRAGMENT = `
precision mediump float;
varying vec3 shown;
void main() { gl_FragColor = vec4(shown, 1.0); }`;

function program() {
  const made = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS))
    throw new Error(gl.getProgramInfoLog(made));
  return made;
}

function read(ply) {
  const bytes = Uint8Array.from(atob(ply), (letter) => letter.charCodeAt(0));
  const end = "end_header\n";
  const header = new TextDecoder().decode(bytes.subarray(0, 2000)).split(end)[0];
  const count = Number(header.match(/^element vertex (\d+)$/m)[1]);
  const data = new DataView(bytes.buffer, header.length + end.length);
  const positions = new Float32Array(3 * count);
  const colours = new Uint8Array(3 * count);
  for (let i = 0; i < count; i++)
    for (let axis = 0; axis < 3; axis++) {
      positions[3 * i + axis] = data.getFloat32(BYTES_OF_POINT * i + 4 * axis, true);
      colours[3 * i + axis] = data.getUint8(BYTES_OF_POINT * i + 12 + axis);
    }
  const depths = positions.filter((_, index) => index % 3 === 2).sort();
  return { count, positions, colours, middle: depths[count >> 1] ?? 1 };
}

function send(name, values, type, normalized) {
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  const place = gl.getAttribLocation(shaders, name);
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, 3, type, normalized, 0, 0);
}

function show() {
  note.hidden = Boolean(gl && props.value);
  canvas.hidden = !note.hidden;
  cloud = null;
  if (canvas.hidden) return;
  cloud = { ...read(props.value.ply), ...props.value };
  send("position", cloud.positions, gl.FLOAT, false);
  send("colour", cloud.colours, gl.UNSIGNED_BYTE, true);
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  turningSince = isCalm ? null : performance.now();
  view = { ...HOME };
  redraw();
}

// The view starts at the camera and turns away from it.
function current(now) {
  if (turningSince === null) return view;
  const share = Math.min(1, (now - turningSince) / TURN_MS);
  if (share === 1) turningSince = null;
  const eased = share * share * (3 - 2 * share);
  return {
    yaw: HOME.yaw * eased,
    pitch: HOME.pitch * eased,
    distance: 1 + (HOME.distance - 1) * eased,
  };
}

let isDue = false;
function redraw() {
  if (!isDue) requestAnimationFrame(draw);
  isDue = true;
}

function draw(now) {
  isDue = false;
  if (!cloud || !canvas.clientWidth) return;
  const ratio = window.devicePixelRatio;
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  const { yaw, pitch, distance } = current(now);
  const [c, s, C, S] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const uniform = (name) => gl.getUniformLocation(shaders, name);
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.uniform3f(uniform("pivot"), 0, 0, cloud.middle);
  gl.uniformMatrix3fv(uniform("turn"), false, [c, S * s, -C * s, 0, C, S, s, -S * c, C * c]);
  gl.uniform1f(uniform("distance"), cloud.middle * distance);
  gl.uniform1f(uniform("near"), 0.02 * cloud.middle);
  const enlarged = Math.min(
    canvas.width / cloud.width_px,
    canvas.height / cloud.height_px,
  );
  gl.uniform1f(uniform("focalOfCanvas"), cloud.focal_px * enlarged);
  gl.uniform1f(uniform("sizeOfPixel"), 1 / cloud.focal_px);
  gl.uniform2f(uniform("size"), canvas.width, canvas.height);
  gl.drawArrays(gl.POINTS, 0, cloud.count);
  if (turningSince !== null) redraw();
}

function move(yaw, pitch, zoom) {
  turningSince = null;
  view.yaw += yaw;
  view.pitch = Math.min(Math.max(view.pitch + pitch, -1.5), 1.5);
  view.distance = Math.min(Math.max(view.distance * zoom, 0.05), 10);
  redraw();
}

const fingers = new Map();
const spread = () => {
  const [a, b] = fingers.values();
  return Math.hypot(a.x - b.x, a.y - b.y);
};
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
});
canvas.addEventListener("pointermove", (event) => {
  const from = fingers.get(event.pointerId);
  if (!from) return;
  const before = fingers.size === 2 && spread();
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (fingers.size === 2) move(0, 0, before / spread());
  else move((from.x - event.clientX) / 200, (event.clientY - from.y) / 200, 1);
});
for (const end of ["pointerup", "pointercancel"])
  canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  move(0, 0, Math.exp(event.deltaY / 500));
});
canvas.addEventListener("dblclick", () => {
  view = { ...HOME };
  redraw();
});
const KEYS = {
  ArrowLeft: [0.1, 0, 1],
  ArrowRight: [-0.1, 0, 1],
  ArrowUp: [0, -0.1, 1],
  ArrowDown: [0, 0.1, 1],
  "+": [0, 0, 0.9],
  "-": [0, 0, 1 / 0.9],
};
canvas.addEventListener("keydown", (event) => {
  if (!KEYS[event.key]) return;
  event.preventDefault();
  move(...KEYS[event.key]);
});

const shaders = gl && program();
if (gl) {
  gl.useProgram(shaders);
  gl.enable(gl.DEPTH_TEST);
  gl.clearColor(0.07, 0.09, 0.13, 1);
  new ResizeObserver(redraw).observe(canvas);
} else note.textContent = "This browser cannot draw point clouds (WebGL is off).";
watch("value", show);
show();
