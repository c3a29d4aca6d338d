/** Files let go over the page, or pasted into it. */

function carriesFiles(event) {
  return [...(event.dataTransfer?.types || [])].includes("Files");
}

/**
 * The whole page takes the drop: a file let go beside the box must not replace the page.
 * @param {Element} zone the box that shows it
 * @param {(files: File[]) => void} take
 */
export function takeDrops(zone, take) {
  let depth = 0;
  const mark = () => zone.classList.toggle("over", depth > 0);
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    mark();
  });
  addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    mark();
  });
  addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    mark();
    take([...event.dataTransfer.files]);
  });
}

/**
 * A picture from the clipboard, or files copied in a file manager.
 * @param {(files: File[]) => void} take
 */
export function takePastes(take) {
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
}
