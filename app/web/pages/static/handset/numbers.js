/** Mobile numbers, and the purposes of the operator's service numbers. */

export const ACCESS_NUMBER = "10086";
export const DEFAULT_NUMBER = "13800138000";
const PURPOSES = [
  [/^10086$/, "for_commands"],
  [/^10086977$/, "for_listing"],
  [/^10086204\d*$/, "for_confirmation"],
  [/^10086901$/, "for_fees"],
  [/^10086999$/, "for_spam"],
  [/^10086888$/, "for_offers"],
];

/** Remove the country code and separators from a number. */
export const plainNumber = (given) => given.replace(/[^\d+]/g, "").replace(/^(?:\+|00)?86(?=1\d{10}$)/, "");
export const isMobile = (number) => /^1\d{10}$/.test(plainNumber(number));
export const withCountryCode = (number) => (isMobile(number) ? `+86${plainNumber(number)}` : number);

/** The dictionary key for the purpose of a service number, or null. */
export const purposeOf = (number) => PURPOSES.find(([pattern]) => pattern.test(number))?.[1] ?? null;
