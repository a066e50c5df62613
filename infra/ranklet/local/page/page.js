// The page that `ranklet serve` shows at `/`: what is served, and the demo's funnel to try out.
// It calls the funnel as any client does; people and titles are in page.json.

const $ = (id) => document.getElementById(id);
let told; // page.json
let wait = 0; // the last request's number: an earlier one's answer is not shown

const element = (name, text = "", attributes = {}) => {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
const option = (value, text = value) => element("option", text, { value });
const digits = (value, places = 3) => (value === null || value === undefined ? "–" : value.toFixed(places));

async function post(verb, body) {
  const { funnel } = told;
  const answer = await fetch(`${funnel.url}/v1/funnels/${funnel.name}:${verb}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const document = await answer.json();
  if (!answer.ok) throw new Error(`${answer.status}: ${document.error ?? document.message}`);
  return document;
}

function film(id) {
  const known = told.items[id];
  const shown = element("span");
  shown.append(element("span", known ? known.title : `item ${id}`, { class: "title" }));
  if (known?.year) shown.append(element("span", ` ${known.year}`, { class: "year" }));
  if (known?.genres?.length) shown.append(element("span", ` ${known.genres.join(", ")}`, { class: "genres" }));
  return shown;
}

function person() {
  return told.people[$("person").selectedIndex];
}

function choose() {
  const { user, liked } = person();
  $("age").value = user.age;
  $("gender").value = user.gender;
  $("occupation").value = user.occupation;
  $("liked-count").textContent = liked.length;
  $("liked").replaceChildren(...liked.slice(-20).reverse().map((id) => {
    const line = element("li");
    line.append(film(id));
    return line;
  }));
}

function request() {
  const chosen = person();
  const body = {
    user: {
      ...chosen.user,
      age: Number($("age").value),
      gender: $("gender").value,
      occupation: $("occupation").value,
      history: chosen.liked,
    },
    context: { timestamp: Math.floor(new Date(`${$("time").value}Z`).getTime() / 1000) },
    k: Number($("count").value),
  };
  const where = {};
  for (const select of $("where").querySelectorAll("select")) {
    if (select.value) where[select.dataset.name] = [select.value];
  }
  if (Object.keys(where).length) body.filter = { where };
  if ($("unseen").checked && chosen.seen.length) body.seen = chosen.seen;
  for (const side of ["user", "context"]) {
    const known = told.funnel.inputs[side];
    body[side] = Object.fromEntries(Object.entries(body[side]).filter(([name]) => known.includes(name)));
  }
  return body;
}

function showStages(stages) {
  const slowest = Math.max(...stages.map((stage) => stage.ms), 0.001);
  $("stages").tBodies[0].replaceChildren(...stages.map((stage) => {
    const row = element("tr");
    row.append(element("th", stage.name, { scope: "row" }), element("td", `${stage.model} ${stage.version}`));
    row.append(element("td", stage.in ?? "all", { class: "number" }), element("td", stage.out, { class: "number" }));
    const took = element("td", digits(stage.ms, 2), { class: "number bar" });
    took.style.setProperty("--share", `${((100 * stage.ms) / slowest).toFixed(0)}%`);
    row.append(took);
    const trouble = stage.error ? `failed: ${stage.error}` : stage.late ? `late, ${stage.scored ?? 0} scored` : "yes";
    row.append(element("td", trouble, trouble === "yes" ? {} : { class: "late" }));
    return row;
  }));
}

function showFilms(answer) {
  const names = answer.stages.map((stage) => stage.name);
  const head = element("tr");
  const columns = ["Place", "Film", ...names, "Score", "Similar"];
  const numbers = [...names, "Score"];
  head.append(...columns.map((name) => element("th", name, { scope: "col", class: numbers.includes(name) ? "number" : "" })));
  $("films").tHead.replaceChildren(head);
  $("films").tBodies[0].replaceChildren(...answer.items.map((item, at) => {
    const row = element("tr");
    const title = element("th", "", { scope: "row" });
    title.append(film(item.id));
    row.append(element("td", at + 1, { class: "number" }), title);
    row.append(...names.map((name) => element("td", digits(item.scores[name]), { class: "number" })));
    row.append(element("td", digits(item.score), { class: "number" }));
    const like = element("button", "Similar", { type: "button" });
    like.setAttribute("aria-label", `Films similar to ${told.items[item.id]?.title ?? item.id}`);
    like.addEventListener("click", () => similar(item.id));
    const cell = element("td");
    cell.append(like);
    row.append(cell);
    return row;
  }));
}

async function recommend(event) {
  event?.preventDefault();
  const mine = ++wait;
  $("results").hidden = false;
  $("results").setAttribute("aria-busy", "true");
  $("status").textContent = "Asking …";
  const begun = performance.now();
  try {
    const answer = await post("recommend", request());
    if (mine !== wait) return;
    const took = performance.now() - begun;
    const inside = answer.stages.reduce((sum, stage) => sum + stage.ms, 0);
    showStages(answer.stages);
    showFilms(answer);
    const odd = Object.entries(answer.degraded ?? {}).map(([why, count]) => `${why} ${count}`);
    const more = odd.length ? `; defaulted: ${odd.join(", ")}` : "";
    $("status").textContent =
      `${answer.items.length} films in ${took.toFixed(0)} ms, ${inside.toFixed(1)} ms of them in the stages${more}.`;
  } catch (error) {
    if (mine === wait) $("status").textContent = `Not answered: ${error.message}`;
  } finally {
    if (mine === wait) $("results").removeAttribute("aria-busy");
  }
}

async function similar(id) {
  $("similar").hidden = false;
  $("similar-title").textContent = `Similar to ${told.items[id]?.title ?? id}`;
  $("similar-films").replaceChildren();
  try {
    const answer = await post("similar", { item: id, k: 10 });
    $("similar-films").replaceChildren(...answer.items.map((item) => {
      const line = element("li");
      const more = element("button", "Similar", { type: "button" });
      more.setAttribute("aria-label", `Films similar to ${told.items[item.id]?.title ?? item.id}`);
      more.addEventListener("click", () => similar(item.id));
      line.append(film(item.id), ` ${digits(item.score)} `, more);
      return line;
    }));
  } catch (error) {
    $("similar-films").replaceChildren(element("li", `Not answered: ${error.message}`));
  }
  $("similar").focus();
}

function showServed() {
  $("served").replaceChildren(...told.functions.map((one) => {
    const line = element("li", `${one.name} (${one.kind}) `);
    line.append(element("a", "health", { href: `${one.url}/health` }), " ");
    line.append(element("a", "OpenAPI", { href: `${one.url}/openapi.json` }));
    return line;
  }));
}

function showForm() {
  $("what").textContent = `${told.funnel.description}. Choose a person, change the context, look at what each stage does.`;
  $("person").replaceChildren(...told.people.map((one, at) => option(at, one.label)));
  for (const name of ["gender", "occupation"]) {
    const values = [...new Set(told.people.map((one) => one.user[name]))].sort();
    $(name).replaceChildren(...values.map((value) => option(value)));
  }
  $("time").value = new Date(told.now * 1000).toISOString().slice(0, 16);
  for (const [name, values] of Object.entries(told.funnel.attributes)) {
    const id = `where-${name}`;
    const select = element("select", "", { id, "data-name": name });
    select.append(option("", "any"), ...values.map((value) => option(value)));
    $("where").append(element("label", name[0].toUpperCase() + name.slice(1), { for: id }), select);
  }
  $("ask").hidden = false;
  $("person").addEventListener("change", () => { choose(); recommend(); });
  $("ask").addEventListener("submit", recommend);
  for (const id of ["time", "age", "gender", "occupation", "count", "unseen", "where"]) {
    $(id).addEventListener("change", () => { if ($("ask").checkValidity()) recommend(); });
  }
  $("back").addEventListener("click", () => {
    $("similar").hidden = true;
    $("results").focus();
  });
  choose();
  return recommend();
}

told = await (await fetch("page.json")).json();
showServed();
if (told.funnel) await showForm();
document.documentElement.dataset.ready = "yes";
