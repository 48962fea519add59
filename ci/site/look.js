// What ci/check-site asks of a page. Each check gives one line for each fault.
({
  // The page itself scrolls downwards only; wide tables scroll inside their box.
  overflow() {
    const room = document.documentElement.clientWidth;
    const width = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
    if (width <= room) return [];
    const beyond = (e) => e.getBoundingClientRect().right > room + 0.5 && !e.closest(".box, .skip");
    const wide = [...document.querySelectorAll("body *")].filter(beyond).slice(0, 3);
    return [`the page is ${width} px wide in ${room}: ${wide.map((e) => `${e.tagName}.${e.className}`).join(", ")}`];
  },

  // Words that are too pale for their ground (WCAG 2.2, 1.4.3).
  contrast() {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const known = new Map();
    const rgba = (colour) => {
      if (!known.has(colour)) {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        known.set(colour, [...canvas.getImageData(0, 0, 1, 1).data]);
      }
      return known.get(colour);
    };
    const luminance = (colour) => {
      const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
      const [red, green, blue] = rgba(colour).map(linear);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = (element) => {
      for (let e = element; e; e = e.parentElement) {
        const colour = getComputedStyle(e).backgroundColor;
        if (rgba(colour)[3] === 255) return colour;
      }
      return "Canvas";
    };
    const found = new Set();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const [words, element] = [walk.currentNode.data.trim(), walk.currentNode.parentElement];
      if (!words || element.closest("svg, script, style") || !element.checkVisibility()) continue;
      const style = getComputedStyle(element);
      const [light, dark] = [luminance(style.color), luminance(ground(element))].sort((x, y) => y - x);
      const ratio = (light + 0.05) / (dark + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      if (ratio < (large ? 3 : 4.5)) found.add(`${element.tagName} "${words.slice(0, 30)}" has contrast ${ratio.toFixed(2)}`);
    }
    return [...found].slice(0, 5);
  },

  // What those need who do not see the page, or do not use a pointer.
  structure() {
    const found = new Set();
    const want = (holds, words) => holds || found.add(words);
    const all = (selector) => [...document.querySelectorAll(selector)];
    for (const name of ["header", "nav", "main", "footer"]) want(all(name).length === 1, `not one <${name}>`);
    want(document.documentElement.lang === "en", "no language");
    want(document.title.trim(), "no title");
    want(document.querySelector("body > a.skip[href='#content']"), "no skip link");
    const levels = all("h1, h2, h3, h4").map((heading) => Number(heading.tagName[1]));
    want(levels[0] === 1 && levels.filter((level) => level === 1).length === 1, "not one <h1> at the top");
    levels.forEach((level, i) => want(!i || level <= levels[i - 1] + 1, `heading ${i} skips a level`));
    for (const table of all("table")) {
      want(table.caption?.textContent.trim(), `table ${table.id} has no caption`);
      for (const head of table.querySelectorAll("th")) want(head.scope, `table ${table.id}: a header without scope`);
      const box = table.closest(".box");
      const reached = box && box.tabIndex === 0 && box.getAttribute("role") === "region";
      want(reached, `table ${table.id} scrolls in no box that the keyboard reaches`);
    }
    for (const svg of all("svg")) want(svg.querySelector("title")?.textContent.trim(), "a picture without a title");
    for (const image of all("img")) want(image.alt.trim(), `image ${image.src} without words`);
    for (const control of all("button, input, summary, a[href]")) {
      const name = control.textContent.trim() || control.labels?.length || control.getAttribute("aria-label");
      want(name, `a ${control.tagName} without a name`);
    }
    const ids = all("[id]").map((element) => element.id);
    want(new Set(ids).size === ids.length, "an id stands twice");
    return [...found];
  },
})
