// Who hears what: `page` (a page came), `viewer`, `moment`, `settings`, `event` (something was sent), `slot` (looked at).

const target = new EventTarget();

export function on(name, listener) {
  target.addEventListener(name, (event) => listener(event.detail));
}

export function emit(name, detail) {
  target.dispatchEvent(new CustomEvent(name, { detail }));
}
