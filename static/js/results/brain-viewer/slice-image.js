/** Stands in for NiiVue where the browser has no WebGL2: slices drawn by the server, asked for again after each move. */

const PAUSE_MS = 150;

export class SliceImage {
  constructor(image, address) {
    this.image = image;
    this.address = address;
    this.timer = 0;
  }

  /** Asks for the picture of a state's query, once the crosshair rests. */
  draw(query) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      const wanted = `${this.address}?${query}`;
      if (this.image.getAttribute("src") !== wanted) this.image.src = wanted;
    }, PAUSE_MS);
  }

  /** Resolves once the picture last asked for is there, or could not be had. */
  settled() {
    return new Promise((resolve) => {
      for (const event of ["load", "error"]) this.image.addEventListener(event, resolve, { once: true });
    });
  }

  picture() {
    return this.image;
  }
}
