// Shows each page in a frame of the window's size, looks at it, and posts what it found. `pages` and `widths` come before.
const problems = [];
const sleep = ms => new Promise(done => setTimeout(done, ms));
const known = new Map();
async function target(url) {
  if (!known.has(url)) known.set(url, fetch(url).then(async r => r.ok ? await r.text() : null).catch(() => null));
  return known.get(url);
}
async function look(page, width) {
  const frame = document.createElement('iframe');
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  const loaded = new Promise(done => frame.onload = done);
  frame.src = '/' + page;
  document.body.append(frame);
  await loaded;
  const doc = frame.contentDocument, found = text => problems.push(`${page} at ${width}: ${text}`);
  doc.querySelectorAll('img').forEach(image => image.loading = 'eager');
  for (let n = 0; n < 100 && [...doc.images].some(image => !image.complete); n++) await sleep(50);
  await sleep(20);
  for (const box of doc.querySelectorAll('.system-message, .problematic')) found(`error box: ${box.textContent.trim().slice(0, 80)}`);
  for (const box of doc.querySelectorAll('.contents')) {
    const text = frame.contentWindow.getComputedStyle(box, '::before').content;
    if (text && text !== 'none' && text !== 'normal') found(`error box: ${text.slice(0, 80)}`);
  }
  const wide = doc.documentElement.scrollWidth;
  if (wide > width) {
    const culprit = [...doc.querySelectorAll('article *')].find(e => e.getBoundingClientRect().right > width + 1
      && ![...ancestors(e)].some(a => ['auto', 'scroll', 'hidden'].includes(frame.contentWindow.getComputedStyle(a).overflowX)));
    found(`${wide} pixels wide: ${culprit ? culprit.outerHTML.slice(0, 120) : ''}`);
  }
  for (const image of doc.images) {
    if (!image.complete || !image.naturalWidth) found(`broken image ${image.src}`);
    if (!(image.alt || '').trim()) found(`image without text ${image.src}`);
  }
  if (width === widths[0]) for (const link of doc.querySelectorAll('a[href]')) {
    const url = new URL(link.href, doc.baseURI);
    if (url.origin !== location.origin) continue;
    const text = await target(url.pathname + url.search);
    if (text === null) { found(`dead link ${link.getAttribute('href')}`); continue; }
    const id = decodeURIComponent(url.hash.slice(1));
    if (id && !new RegExp(`(?:id|name)=["']?${id.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}["'\\s>]`).test(text)) found(`dead link ${link.getAttribute('href')}`);
  }
  frame.remove();
}
function* ancestors(e) { for (let a = e.parentElement; a; a = a.parentElement) yield a; }
(async () => {
  for (const width of widths) for (const page of pages)
    await look(page, width).catch(error => problems.push(`${page} at ${width}: ${error}`));
  await fetch('/__found', {method: 'POST', body: JSON.stringify(problems)});
})();
