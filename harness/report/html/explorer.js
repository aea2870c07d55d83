"use strict";
// Leads through the schedules that stand in this page: step by step, and from one to its neighbour. Texts only ever become
// text nodes; nothing is fetched, stored or sent.
(() => {
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const button = (text, shortcut, act) => {
    const element = make("button", "", text);
    element.type = "button";
    if (shortcut) element.setAttribute("aria-keyshortcuts", shortcut);
    element.addEventListener("click", act);
    return element;
  };

  const withRole = (element, role) => {
    element.setAttribute("role", role);
    return element;
  };

  // What stands for a schedule that is not in the page.
  const UNTOLD = "not told";

  const crosses = (told) => (told.exposing ? "data crosses" : "nothing crosses");

  // A row of the table, as the page's own are.
  const tableRow = (walk, told, place) => {
    const row = walk.data.rows[told.rows[place]];
    const isTurn = told.decisive && told.decisive.at === place;
    const line = withRole(make("tr", `step of${row.lane}`), "row");
    if (row.crossed) line.classList.add("crossing");
    if (isTurn) line.classList.add("turning");
    const number = withRole(make("th", "", (place + 1).toLocaleString("en-US")), "rowheader");
    number.scope = "row";
    line.append(number);
    [...row.lanes].forEach((letter, lane) => {
      const cell = withRole(make("td", `lane${walk.data.colours[lane]} ${letter}`), "cell");
      if (letter === "a") {
        const card = make("div", "card");
        card.append(make("span", "who", walk.data.movers[row.mv]), make("span", "what", row.what));
        if (row.place) {
          const at = make("span", "at", `${row.at} `);
          const code = make("code");
          // A path is broken between its folders.
          row.place.split("/").forEach((part, place) => code.append(...(place ? ["/", make("wbr")] : []), part));
          at.append(code);
          card.append(at);
        }
        if (row.end) card.append(make("span", "end", row.end));
        if (row.woke) card.append(make("span", "woke", row.woke));
        if (row.crossed) card.append(make("strong", "cross-note", row.crossed));
        if (isTurn) card.append(make("span", "turn-note", told.decisive.text));
        cell.append(card);
      }
      line.append(cell);
    });
    if (walk.data.shared) {
      const cell = withRole(make("td", "held"), "cell");
      for (const held of row.held) {
        const value = make("div", `value ${held.class}`);
        value.append(make("code", "", held.name), " = ", make("code", "", held.value), make("span", "note", held.note));
        cell.append(value);
      }
      line.append(cell);
    }
    line.append(swapCell(walk, told, place));
    line.addEventListener("click", (event) => {
      if (!event.target.closest("button") && getSelection().isCollapsed) walk.go(place);
    });
    return line;
  };

  const swapCell = (walk, told, place) => {
    const cell = withRole(make("td", "swap"), "cell");
    const swap = told.swaps[place];
    if (swap === UNTOLD && walk.data.again) {
      const to = button(swap, "", () => walk.swap(place));
      to.className = "to untold";
      to.setAttribute("aria-label", `Swap steps ${place + 1} and ${place + 2}: ${swap}, shows how to run it`);
      cell.append(to);
    } else if (typeof swap === "string") {
      cell.append(make("span", "to untold", swap));
    } else if (swap !== null) {
      const next = walk.data.told[Array.isArray(swap) ? swap[0] : swap];
      const to = button(crosses(next), "", () => walk.swap(place));
      to.className = `to ${next.exposing ? "crosses" : "quiet"}`;
      to.setAttribute("aria-label", `Swap steps ${place + 1} and ${place + 2}: ${crosses(next)}`);
      cell.append(to);
    }
    return cell;
  };

  // The schedule in which a step and the next one have changed places, as it is written: R1*3,R2.
  const swapped = (walk, told, place) => {
    const moves = told.rows.map((row) => walk.data.rows[row].mv);
    [moves[place], moves[place + 1]] = [moves[place + 1], moves[place]];
    const runs = [];
    for (const mv of moves) {
      const run = runs[runs.length - 1];
      if (run && run.mv === mv) run.times += 1;
      else runs.push({ mv, times: 1 });
    }
    return runs.map((run) => run.mv + (run.times > 1 ? `*${run.times}` : "")).join(",");
  };

  // What a listener is told of a step.
  const spoken = (walk, told, place) => {
    const row = walk.data.rows[told.rows[place]];
    const parts = [`Step ${place + 1} of ${told.rows.length}. ${walk.data.movers[row.mv]}: ${row.what}`];
    if (row.place) parts.push(`${row.at} ${row.place}`);
    if (row.woke) parts.push(row.woke);
    let text = `${parts.join(", ")}.`;
    if (row.crossed) text += ` ${row.crossed}.`;
    for (const held of row.held.filter((held) => held.class)) text += ` ${held.name} = ${held.value}, ${held.note}.`;
    if (told.decisive && told.decisive.at === place) text += ` ${told.decisive.text}`;
    return text;
  };

  const start = (section, data) => {
    const home = Number(section.dataset.told);
    const region = section.querySelector(".steps-of");
    const body = section.querySelector("tbody");
    const strip = section.querySelector(".strip");
    const outcome = section.querySelector(".outcome");
    const code = section.querySelector("h5 code");
    const said = withRole(make("p", "said"), "status");
    const walk = { data };
    let at = home;
    let step = 0;
    // What was swapped on the way from the schedule of the page: places of schedules, and of the steps.
    let way = [];

    const told = () => data.told[at];
    const showPlace = () => {
      [...body.rows].forEach((row, place) => {
        row.classList.toggle("ahead", place > step);
        if (place === step) row.setAttribute("aria-current", "step");
        else row.removeAttribute("aria-current");
      });
      const last = told().rows.length - 1;
      for (const [control, isOff] of [[first, step === 0], [back, step === 0], [forward, step === last], [end, step === last]]) {
        control.setAttribute("aria-disabled", String(isOff));
      }
      const swap = told().swaps[step];
      swapHere.setAttribute("aria-disabled", String(!isSwap(swap) && !(swap === UNTOLD && data.again)));
      byHand.hidden = true;
      count.textContent = `${step + 1} of ${last + 1}`;
    };
    const isSwap = (swap) => typeof swap === "number" || Array.isArray(swap);

    walk.go = (place) => {
      step = Math.max(0, Math.min(place, told().rows.length - 1));
      showPlace();
      said.textContent = spoken(walk, told(), step);
      body.rows[step].scrollIntoView({ block: "nearest", inline: "nearest" });
    };

    // Shows another schedule; all its steps, for its end is what one wants to see.
    const show = (place, words) => {
      at = place;
      const schedule = told();
      body.replaceChildren(...schedule.rows.map((_, row) => tableRow(walk, schedule, row)));
      const runs = schedule.schedule.split(",").map((run) => {
        const [mv, times] = run.split("*");
        return make("span", `run lane${data.colours[data.lanes[mv]]}`, data.movers[mv] + (times ? ` ×${times}` : ""));
      });
      strip.replaceChildren(...runs);
      code.textContent = schedule.schedule;
      outcome.className = `outcome ${schedule.exposing ? "crosses" : "quiet"}`;
      outcome.textContent = `${schedule.exposing ? "Data crosses" : "Nothing crosses"}: ${schedule.outcome}`;
      step = schedule.rows.length - 1;
      const swapped = way.length ? way[way.length - 1].step : -1;
      [swapped, swapped + 1].filter((row) => swapped >= 0 && body.rows[row]).forEach((row) => body.rows[row].classList.add("swapped"));
      undo.setAttribute("aria-disabled", String(way.length === 0));
      again.setAttribute("aria-disabled", String(at === home && way.length === 0));
      trail.textContent = way.length
        ? `Reached by ${way.map((one) => `swapping ${one.step + 1} and ${one.step + 2}`).join(", then ")}.`
        : "";
      showPlace();
      if (words) said.textContent = `${words} ${outcome.textContent}.`;
    };

    walk.swap = (place) => {
      const swap = told().swaps[place];
      if (!isSwap(swap)) {
        const why = swap === null ? "both are of the same request" : swap === UNTOLD ? "that schedule is not among those told in this page" : "the second needs the first";
        const isByHand = swap === UNTOLD && data.again;
        const how = isByHand ? " The line below runs it; where the steps go on otherwise, it stops and says so." : "";
        said.textContent = place + 1 < told().rows.length
          ? `Steps ${place + 1} and ${place + 2} are not swapped: ${why}.${how}`
          : "There is no step after this one.";
        byHand.hidden = !isByHand;
        if (isByHand) line.textContent = data.again.before + swapped(walk, told(), place) + data.again.after;
        return;
      }
      const focused = body.contains(document.activeElement);
      const otherwise = Array.isArray(swap) ? " The steps after them are not the same as before." : "";
      way.push({ from: at, step: place });
      show(Array.isArray(swap) ? swap[0] : swap, `Swapped steps ${place + 1} and ${place + 2}.${otherwise}`);
      // The button is gone with its table; the one in its place swaps back.
      if (focused) (body.rows[place]?.querySelector("button") ?? region).focus();
    };

    const unlessOff = (act) => (event) => {
      if (event.currentTarget.getAttribute("aria-disabled") !== "true") act();
    };
    const first = button("First", "Home", unlessOff(() => walk.go(0)));
    const back = button("Back", "ArrowUp", unlessOff(() => walk.go(step - 1)));
    const forward = button("Forward", "ArrowDown", unlessOff(() => walk.go(step + 1)));
    const end = button("Last", "End", unlessOff(() => walk.go(told().rows.length - 1)));
    const swapHere = button("Swap with the next", "S", () => walk.swap(step));
    const undo = button("Undo swap", "U", unlessOff(() => stepBack()));
    const again = button("As found", "", unlessOff(() => {
      way = [];
      show(home, "Back at the first schedule.");
    }));
    const stepBack = () => {
      const last = way.pop();
      if (last) show(last.from, "Undone.");
    };
    const count = make("span", "count");
    const trail = make("p", "trail hint");
    const controls = withRole(make("div", "controls"), "group");
    controls.setAttribute("aria-label", "Walk through the schedule");
    const steps = make("span", "buttons");
    steps.append(first, back, count, forward, end);
    const swaps = make("span", "buttons");
    swaps.append(swapHere, undo, again);
    controls.append(steps, swaps);
    const keys = make("p", "keys hint", "Keys: arrow down and up for the next and previous step, Home and End, S swaps, U undoes.");
    const line = make("code", "command");
    const byHand = make("p", "by-hand");
    byHand.append(line);
    byHand.hidden = true;
    copies(line);
    const walking = make("div", "walking");
    walking.append(controls, said, byHand, trail);
    section.insertBefore(walking, region);
    section.append(keys);

    const acts = {
      ArrowDown: () => walk.go(step + 1),
      ArrowUp: () => walk.go(step - 1),
      Home: () => walk.go(0),
      End: () => walk.go(told().rows.length - 1),
      s: () => walk.swap(step),
      u: stepBack,
    };
    section.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    show(home, "");
    said.textContent = spoken(walk, told(), step);
  };

  const copies = (code) => {
    const copy = button("Copy", "", async () => {
      let isDone = true;
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code);
        isDone = document.execCommand("copy");
      }
      said.textContent = isDone ? "Copied" : "Selected: copy it with the keyboard";
    });
    copy.className = "copy";
    const said = withRole(make("span", "hint"), "status");
    code.after(" ", copy, " ", said);
  };

  const read = new Map();
  for (const section of document.querySelectorAll(".walk")) {
    const number = section.dataset.exploration;
    if (!read.has(number)) read.set(number, JSON.parse(document.getElementById(`data-x${number}`).textContent));
    start(section, read.get(number));
  }
  document.querySelectorAll("[data-copy]").forEach(copies);
})();
