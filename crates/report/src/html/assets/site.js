// What the pages do beyond HTML: sort and search tables, walk through the marks of a chart, copy a command. Every page reads as well without it.
(() => {
  "use strict";

  const tell = (() => {
    const line = document.createElement("p");
    line.className = "told";
    line.setAttribute("role", "status");
    document.body.append(line);
    return (words) => { line.textContent = words; };
  })();

  // Tables

  // Cells without a value stay below, whichever way the rest is turned.
  const order = (a, b, down) => {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    const [x, y] = [Number(a), Number(b)];
    const found = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y;
    return down ? -found : found;
  };

  const sort = (table, column, down) => {
    const rows = [...table.tBodies[0].rows];
    const key = (row) => {
      const cell = row.cells[column];
      return cell.dataset.v ?? (cell.hasAttribute("data-none") ? undefined : cell.textContent.trim());
    };
    const keyed = rows.map((row, place) => ({ row, place, key: key(row), unit: row.cells[column].dataset.unit ?? "" }));
    keyed.sort((a, b) => a.unit.localeCompare(b.unit) || order(a.key, b.key, down) || a.place - b.place);
    table.tBodies[0].append(...keyed.map(({ row }) => row));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const first = head.classList.contains("n") ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const now = head.getAttribute("aria-sort") === first ? other : first;
        for (const each of heads) each.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", now);
        sort(table, column, now === "descending");
        tell(`Sorted by ${button.textContent}, ${now}.`);
      });
    });
  }

  for (const table of document.querySelectorAll("table.findable")) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 8) continue;
    const box = table.closest(".box");
    const form = document.createElement("div");
    form.className = "find";
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("span");
    input.type = "search";
    input.autocomplete = "off";
    label.append("Show rows with", input);
    count.setAttribute("role", "status");
    form.append(label, count);
    box.before(form);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
  }

  // Charts: each mark says what it is, to the pointer and to the keyboard (arrows, Home, End, Escape).

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  let leaving;
  const hide = () => { tip.hidden = true; };
  const hideSoon = () => {
    clearTimeout(leaving);
    leaving = setTimeout(hide, 150);
  };
  const stay = () => clearTimeout(leaving);
  tip.addEventListener("pointerenter", stay);
  tip.addEventListener("pointerleave", hideSoon);

  const show = (mark) => {
    stay();
    tip.textContent = mark.getAttribute("aria-label");
    tip.hidden = false;
    const [at, own] = [mark.getBoundingClientRect(), tip.getBoundingClientRect()];
    const left = Math.min(Math.max(at.left + at.width / 2 - own.width / 2, 4), innerWidth - own.width - 4);
    const above = at.top - own.height - 6;
    tip.style.left = `${Math.max(left, 4)}px`;
    tip.style.top = `${above > 4 ? above : at.bottom + 6}px`;
  };

  for (const chart of document.querySelectorAll(".chart svg")) {
    const marks = [...chart.querySelectorAll("g.mark")];
    if (!marks.length) continue;
    chart.setAttribute("role", "group");
    // The nearest mark within reach: a dot is too small to be met exactly.
    const near = ({ clientX: x, clientY: y }) => {
      let [best, least] = [undefined, 20];
      for (const mark of marks) {
        const at = mark.getBoundingClientRect();
        const away = Math.hypot(Math.max(at.left - x, 0, x - at.right), Math.max(at.top - y, 0, y - at.bottom));
        if (away < least) [best, least] = [mark, away];
      }
      return best;
    };
    const point = (event) => {
      const mark = near(event);
      if (mark) show(mark);
      else hideSoon();
    };
    chart.addEventListener("pointermove", point);
    chart.addEventListener("pointerdown", point);
    chart.addEventListener("pointerleave", hideSoon);
    const walk = (from, to) => {
      from.setAttribute("tabindex", "-1");
      to.setAttribute("tabindex", "0");
      to.focus();
    };
    marks.forEach((mark, place) => {
      const title = mark.querySelector("title");
      mark.setAttribute("aria-label", title ? title.textContent : "");
      if (title) title.remove();
      mark.setAttribute("role", "img");
      mark.setAttribute("tabindex", place ? "-1" : "0");
      mark.addEventListener("focus", () => show(mark));
      mark.addEventListener("blur", hide);
      mark.addEventListener("keydown", (event) => {
        const last = marks.length - 1;
        const to = {
          ArrowRight: Math.min(place + 1, last), ArrowDown: Math.min(place + 1, last),
          ArrowLeft: Math.max(place - 1, 0), ArrowUp: Math.max(place - 1, 0), Home: 0, End: last,
        }[event.key];
        if (event.key === "Escape") hide();
        if (to === undefined) return;
        event.preventDefault();
        walk(mark, marks[to]);
      });
    });
  }
  addEventListener("scroll", hide, { passive: true, capture: true });

  // Commands

  for (const code of document.querySelectorAll(".recipe code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "copy";
    button.setAttribute("aria-label", `copy: ${code.textContent}`);
    code.after(button);
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(code.textContent);
        tell("Copied.");
      } catch {
        tell("Selected; copy it with the keyboard.");
      }
    });
  }

  // Menus close when one leaves them.

  for (const menu of document.querySelectorAll("details.menu")) {
    menu.addEventListener("focusout", (event) => {
      if (!menu.contains(event.relatedTarget)) menu.open = false;
    });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }

  // A link to something folded away opens it.

  const unfold = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    const fold = target && target.closest("details");
    if (fold) {
      fold.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", unfold);
  unfold();

  // Paper cannot be unfolded.

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.fold:not([open])")];
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
    opened = [];
  });
})();
