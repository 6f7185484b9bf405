/* emoji.ts: the reactions that are offered, by the names people look for. */

interface Emoji {
  sign: string;
  /** The first is its name, the others are words it is found by. */
  names: string;
}

/* The first dozen is what is used most. */
const table = `
👍 thumbs up, yes, agree, ok
❤️ heart, love
😄 smile, happy, laugh
🎉 party, celebrate, hooray
👀 eyes, looking, watching
🙏 thanks, please, folded hands
😢 sad, cry, tear
😮 surprised, wow
👎 thumbs down, no, disagree
✅ done, check, tick
❌ cross, wrong, no
🚀 rocket, ship, launch
😂 tears of joy, lol, laugh
🙂 slight smile, friendly
😉 wink
😍 heart eyes, love
😎 cool, sunglasses
🤔 thinking, hmm
😕 confused, unsure
😅 sweat, relief, phew
😭 crying, sob
😡 angry, rage
😱 scream, shock
😴 sleep, tired
🤯 mind blown
🤷 shrug, do not know
🤦 facepalm
👏 clap, applause, bravo
🙌 raised hands, hooray
👋 wave, hello, bye
🤝 handshake, deal
💪 strong, muscle
👌 perfect, ok hand
✌️ victory, peace
🤞 fingers crossed, luck
👉 point right
💯 hundred, full score
🔥 fire, hot, great
✨ sparkles, new, shiny
⭐ star, favourite
💡 idea, light bulb
⚠️ warning, careful
❓ question
❗ exclamation, important
⏳ waiting, hourglass
⏰ alarm, time
📌 pin
📎 clip, attachment
📝 note, write
📅 calendar, date
🐛 bug
🔧 fix, wrench, tool
🔒 lock, secure
💻 computer, laptop
☕ coffee, break
🍕 pizza, lunch
🍰 cake, birthday
🍺 beer, cheers
🌞 sun, morning
🌧️ rain, weather
🌈 rainbow
🎂 birthday cake
🎁 gift, present
🏆 trophy, win
⚽ football, sport
🎵 music, song
🐱 cat
🐶 dog
🌱 plant, grow, seedling
💔 broken heart
💚 green heart
💙 blue heart
`;

export const emojis: readonly Emoji[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const space = line.indexOf(' ');
    return { sign: line.slice(0, space), names: line.slice(space + 1) };
  });

const common = 12;
const found_max = 24;

export function nameOf({ names }: Emoji): string {
  return names.split(',')[0] ?? names;
}

/** Those with a word that begins like what was typed; the common ones if nothing was. */
export function findEmojis(typed: string): readonly Emoji[] {
  const wanted = typed.trim().toLowerCase();
  if (!wanted) return emojis.slice(0, common);
  const isFound = ({ names }: Emoji) => ` ${names}`.includes(` ${wanted}`);
  return emojis.filter(isFound).slice(0, found_max);
}
