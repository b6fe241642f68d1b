package diffusion

// NormalCDF lets the golden test see the distribution function by itself.
var NormalCDF = normalCDF
