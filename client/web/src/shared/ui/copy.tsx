/* copy.tsx: a button that copies, and says whether it did. */
import { useState } from 'preact/hooks';
import { copyText } from '../clipboard.ts';

interface CopyProps {
  /** Asked for when it is wanted. */
  text: () => string;
  label?: string;
  /** Of the element that shows the text: selected where the browser does not let the page copy. */
  from?: string;
}

export function Copy({ text, label = 'Copy', from }: CopyProps) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    const element = from ? document.getElementById(from) : null;
    if (element) getSelection()?.selectAllChildren(element);
    const isCopied = await copyText(text());
    const byHand = element ? 'It is selected: copy it' : 'Select the text and copy it';
    setSaid(isCopied ? 'Copied.' : `This browser does not let the page copy. ${byHand} yourself.`);
  };
  return (
    <>
      <button type="button" class="button" onClick={() => void copy()}>
        {label}
      </button>
      <span role="status">{said}</span>
    </>
  );
}
